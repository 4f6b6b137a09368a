/** pebble's client against the control socket: its requests, and its reading of what comes back. */
import { expect } from "bun:test";
import { join } from "node:path";
import { check, program, reeve } from "./need.ts";

const PYTHON = "/usr/bin/python3";
const CLIENT = join(import.meta.dir, "../fixtures/pebble_client.py");

check("pebble's client finds, stops, starts, restarts and signals daemons", [
  reeve,
  program(PYTHON, "python3"),
], async (scope) => {
  const supervisor = scope.reeve(
    scope.config(["attach-daemon2 = name=web,cmd=sleep 900", "attach-daemon2 = name=other,cmd=sleep 901"]),
  );
  await supervisor.untilLog(/reeve is up/);
  const { output, code } = await scope.run([PYTHON, CLIENT, scope.path("run", "control")]);
  const running = "('web', 'enabled', 'active')";
  expect(output.trimEnd().split("\n")).toEqual([
    "version True",
    `services [${running}, ('other', 'enabled', 'active')]`,
    `one [${running}]`,
    "stop Done None ['Done'] [('web', 'enabled', 'inactive')]",
    `start Done None ['Done'] [${running}]`,
    `restart Done None ['Done'] [${running}]`,
    "autostart Done",
    "changes True []",
    "signal sync",
    "notices {'change-update'}",
    "health {'healthy': True}",
    "error 404 True",
    "error 400 True",
    "error 404 True",
    "error 404 True",
  ]);
  expect(code).toBe(0);
  await supervisor.stop();
});
