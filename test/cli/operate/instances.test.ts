/** Which instance is meant where none, one or several run. */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chooseOnly } from "../../../lib/cli/operate/connect.ts";
import { findInstances, usualPlaces } from "../../../lib/cli/operate/instances.ts";
import { ownCredentials } from "../../../lib/sys/process/own_process.ts";
import { Directory } from "../cli.ts";

// The native library may have to be compiled first.
beforeAll(() => void ownCredentials(), 60_000);

const APP = { name: "app", socket: "/run/reeve/app/control", pid: 12, identity: "/etc/app.ini" };
const DB = { name: "db", socket: "/run/reeve/db/control", pid: null, identity: "/etc/\x1b.ini" };

test("the one that runs is meant", () => {
  expect(chooseOnly({ instances: [APP], denied: ["/run/user/1/reeve"] }, [])).toBe(APP);
});

test("of several one has to be named", () => {
  expect(() => chooseOnly({ instances: [APP, DB], denied: [] }, [])).toThrow(
    "which one? app (pid 12, /etc/app.ini), db (/etc/\\e.ini): say --instance NAME",
  );
});

test("where none runs that is said, and where one may not look that too", () => {
  expect(() => chooseOnly({ instances: [], denied: [] }, ["/run/reeve"])).toThrow(
    "no instance runs that has a control socket in /run/reeve: start one with reeve FILE, or name it with -c FILE",
  );
  expect(() => chooseOnly({ instances: [], denied: ["/run/reeve"] }, [])).toThrow(
    '"/run/reeve" may not be looked into',
  );
});

test("only sockets that somebody serves are instances", async () => {
  using directory = new Directory();
  const place = join(directory.path, "reeve");
  for (const name of ["alive", "dead", "empty"]) mkdirSync(join(place, name), { recursive: true });
  writeFileSync(join(place, "file"), "");
  writeFileSync(join(place, "alive", "lock"), "77\n");
  writeFileSync(join(place, "alive", "instance"), "/etc/alive.ini\n");
  const serve = (name: string) =>
    Bun.listen({ unix: join(place, name, "control"), socket: { data: () => {} } });
  const alive = serve("alive");
  // A socket that a killed process left.
  const killed = Bun.spawnSync([
    process.execPath,
    "-e",
    `Bun.listen({unix: ${
      JSON.stringify(join(place, "dead", "control"))
    }, socket: {data() {}}}); process.kill(process.pid, 9)`,
  ]);
  expect(killed.signalCode).toBe("SIGKILL");
  try {
    expect(findInstances([join(directory.path, "nothing"), place])).toEqual({
      instances: [{
        name: "alive",
        socket: join(place, "alive", "control"),
        pid: 77,
        identity: "/etc/alive.ini",
      }],
      denied: [],
    });
    await Bun.sleep(0);
  } finally {
    alive.stop(true);
  }
});

test("root follows no user's variable to a place of theirs", () => {
  const environment = { XDG_RUNTIME_DIR: "/run/user/7" };
  expect(usualPlaces(7, environment)).toEqual(["/run/reeve", "/run/user/7/reeve"]);
  expect(usualPlaces(0, environment)).toEqual(["/run/reeve"]);
  expect(usualPlaces(7, {})).toEqual(["/run/reeve"]);
});
