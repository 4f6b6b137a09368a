import { expect, test } from "bun:test";
import type { InstanceCommand } from "../../lib/control/commands.ts";
import { PacedCommands } from "../../lib/control/paced_commands.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

function makeCommands() {
  const timers = new FakeTimers();
  const done: string[] = [];
  const commands = new PacedCommands({
    timers,
    now: () => timers.now,
    log: (level, text) => void done.push(`${timers.now} ${level} ${text}`),
    perform: (command) => void done.push(`${timers.now} ${command.do}`),
  });
  const ask = (name: InstanceCommand["do"]): void => commands.ask({ do: name } as InstanceCommand);
  return { timers, done, commands, ask };
}

test("each command is performed at once, and the next of its kind a second later", () => {
  const { timers, done, ask } = makeCommands();
  for (const name of ["logState", "reopenLog", "logState", "logState"] as const) ask(name);
  timers.advance(5000);
  expect(done).toEqual([
    "0 logState",
    "0 reopenLog",
    "0 info the next log of the state is held back for 1.0 s: the last was less than a second ago",
    "1000 logState",
  ]);
});

test("to stop is never held back", () => {
  const { done, ask } = makeCommands();
  for (const name of ["stop", "stop", "stopNow", "stopNow"] as const) ask(name);
  expect(done).toEqual(["0 stop", "0 stop", "0 stopNow", "0 stopNow"]);
});

test("before the next image what is held back is performed, but for a reload", () => {
  const { timers, done, commands, ask } = makeCommands();
  for (const name of ["reload", "reload", "rotateLog", "rotateLog"] as const) ask(name);
  commands.runHeld();
  commands.cancel();
  timers.advance(5000);
  expect(done.filter((line) => !line.includes("info"))).toEqual(["0 reload", "0 rotateLog", "0 rotateLog"]);
});
