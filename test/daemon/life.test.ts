/** Lives of daemons as their owners tell them, over the machine alone. */
import { expect, test } from "bun:test";
import type { DaemonEvent } from "../../lib/daemon/state.ts";
import { CONTROL, Driver, DUMB, EVENTS, id, LAUNCHER, MAIN, OTHER, SMART, SMART2 } from "./driver.ts";

const crashed = (code = 1, failure: string | null = null): DaemonEvent => ({
  type: "childExited",
  cause: { kind: "exited", code },
  failure,
});
const noPidfile: DaemonEvent = { type: "pidfileInvalid", found: `pidfile "/run/d.pid" does not exist` };

test("a daemon that stayed up is started again the moment its session is empty", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned");
  driver.after(3001).send(crashed());
  expect(driver.send("emptied")).toEqual(["clear grace", "spawn"]);
  expect(driver.machine.status.streak.failures).toBe(0);
});

test("a daemon that crashes at once has not stayed up because its session took long to empty", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed());
  expect(driver.after(60_000).send("emptied")).toEqual(["clear grace", "set delay 1000"]);
  expect(driver.machine.status.streak.failures).toBe(1);
});

test("a daemon that waits for its next start is never run once more after a stop", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "emptied");
  expect(driver.state).toBe("waiting");
  expect(driver.send("unwanted")).toContain("clear delay");
  // The timer may have fired already and its event be on its way.
  expect(driver.send("delayElapsed")).toEqual([]);
  expect(driver.state).toBe("down");
});

test("a stop during a restart ends the daemon for good", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", "restartRequested", "unwanted", crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "stopped"]);
});

test("a touch while a daemon stops does not bring it back", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", "unwanted", "restartRequested", crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "stopped"]);
});

test("a touched daemon starts again without waiting, and its failures are forgotten", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "emptied", "delayElapsed", "spawned");
  driver.send("restartRequested", crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "spawn"]);
  expect(driver.machine.status.streak).toEqual({ starts: 1, failures: 0 });
});

test("deaf to its stop signal: SIGKILL at the end of its grace, then what it left", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", "unwanted");
  expect(driver.send("graceElapsed")).toContain("signal 9 to 100");
  expect(driver.send({ type: "childExited", cause: { kind: "killed", signal: 9 }, failure: null })).toEqual([
    "sweep 100 with 9",
  ]);
  expect(driver.send("emptied")).toEqual(["clear grace", "stopped"]);
});

test("a process that SIGKILL does not end is given up when reeve stops", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", "unwanted", "graceElapsed");
  expect(driver.send("graceElapsed")).toContain("stopped");
  // It becomes empty at last: nothing happens twice.
  expect(driver.send("emptied")).toEqual([]);
});

test("a stop of a daemon whose leftovers cannot be killed comes to an end", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "graceElapsed");
  expect(driver.state).toBe("killing");
  expect(driver.send("unwanted")).toEqual(["set grace 5000"]);
  expect(driver.send("graceElapsed")).toContain("stopped");
});

test("kill at once of a daemon whose leftovers cannot be killed comes to an end", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "graceElapsed");
  expect(driver.send("killRequested")).toEqual(["set grace 5000", "sweep 100 with 9"]);
  expect(driver.send("graceElapsed")).toContain("stopped");
});

test("a session that was given up and empties later ends no later process", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "unwanted", "graceElapsed");
  driver.send("wanted", { type: "spawned", process: OTHER }, "restartRequested");
  expect(driver.send("emptied")).toEqual([]);
  expect(driver.state).toBe("stopping");
});

test("a smart daemon with a valid pidfile is not started", () => {
  const driver = new Driver(SMART);
  expect(driver.send("wanted")).toEqual(["watchPidfile", "readPidfile"]);
  expect(driver.send("pidfileValid")).toEqual(["clear delay", "follow 200", "clear deadline"]);
});

test("a launcher that ends with an error and no pidfile is a failed start, and says both", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", crashed(3));
  expect(driver.logs(noPidfile)[0]).toBe(
    `cannot start "./d": "./d" exited with code 3; pidfile "/run/d.pid" does not exist`,
  );
  expect(driver.state).toBe("waiting");
});

test("no valid pidfile after freq seconds: looked at once more, reported with what was found, started again", () => {
  const driver = new Driver({ ...SMART, freq: 4 });
  driver.send("wanted", noPidfile);
  expect(driver.send("spawned")).toEqual(["set deadline 4000"]);
  driver.send(crashed(0), { type: "pidfileInvalid", found: `pidfile "/run/d.pid" is empty` });
  expect(driver.after(4000).send("deadlinePassed")).toEqual(["readPidfile"]);
  expect(driver.logs(noPidfile)[0]).toBe(
    `"./d" has no valid pidfile after 4 seconds: pidfile "/run/d.pid" does not exist`,
  );
  expect(driver.state).toBe("waiting");
});

test("a pidfile that became valid unnoticed is found at the end of the freq seconds", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", crashed(0), noPidfile, "deadlinePassed", "pidfileValid");
  expect(driver.state).toBe("running");
  expect(driver.machine.status.main).toEqual(MAIN);
});

test("a smart daemon that never daemonizes is reported once, kept, and stopped with reeve", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", "deadlinePassed");
  expect(driver.logs(noPidfile)[0]).toContain("did not daemonize !!!");
  expect(driver.state).toBe("running");
  expect(driver.logs(noPidfile)).toEqual([]);
  expect(driver.send("released")).toContain("signal 15 to 100");
});

test("broken after freq failed starts in a row, said once, tried again at the longest delay", () => {
  const driver = new Driver({ ...SMART, freq: 2, maxThrottle: 60 });
  driver.send("wanted", noPidfile, "spawned", crashed(1), noPidfile, "delayElapsed", noPidfile, "spawned");
  driver.send(crashed(1));
  expect(driver.logs(noPidfile)).toContain(
    "broken: 2 failed starts in a row, tried again every 60 seconds",
  );
  expect(driver.state).toBe("broken");
  driver.send("delayElapsed", noPidfile, "spawned", crashed(1));
  expect(driver.logs(noPidfile).join()).not.toContain("broken:");
  expect(driver.state).toBe("broken");
});

test("a broken daemon that comes up and stays up is as new", () => {
  const driver = new Driver({ ...SMART, freq: 1 });
  driver.send("wanted", noPidfile, "spawned", crashed(1), noPidfile);
  expect(driver.state).toBe("broken");
  driver.send("delayElapsed", noPidfile, "spawned", crashed(0), "pidfileValid");
  driver.after(3001).send("mainExited");
  expect(driver.send(noPidfile)).toEqual(["readPidfile"]);
  expect(driver.machine.status.streak).toEqual({ starts: 0, failures: 0 });
});

test("a broken daemon that somebody started by hand is adopted", () => {
  const driver = new Driver({ ...SMART, freq: 1 });
  driver.send("wanted", noPidfile, "spawned", crashed(1), noPidfile);
  expect(driver.send("pidfileValid")).toContain("follow 200");
  expect(driver.state).toBe("running");
});

test("an adopted daemon has been up since its adoption, not since a start that failed long before", () => {
  const driver = new Driver({ ...SMART, freq: 1 });
  driver.send("wanted", noPidfile, "spawned", crashed(1), noPidfile);
  driver.after(200_000).send("pidfileValid");
  expect(driver.machine.status.since).toBe(driver.now);
  driver.after(1000).send("mainExited");
  expect(driver.send(noPidfile)).toEqual(["set delay 300000"]);
});

test("a pidfile that is lost while the daemon runs is said once and changes nothing", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", "pidfileValid");
  expect(driver.logs(noPidfile)).toHaveLength(1);
  expect(driver.logs(noPidfile)).toHaveLength(0);
  expect(driver.state).toBe("running");
});

test("a smart daemon that hands over to another process is followed", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", "pidfileValid");
  expect(driver.send({ type: "pidfileValid", process: OTHER })).toContain("follow 300");
  expect(driver.send("unwanted")).toContain("signal 15 to 300");
});

test("a wrapper whose daemon died is ended before another is started", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", "pidfileValid", "mainExited");
  expect(driver.send(noPidfile)).toContain("signal 15 to 100");
  expect(driver.send(crashed(0))).toEqual(["sweep 100 with 15"]);
  expect(driver.send("emptied")).toEqual(["clear grace", "set delay 1000"]);
});

test("a stop of a smart daemon ends its wrapper too", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", "pidfileValid", "unwanted");
  expect(driver.send("mainExited")).toEqual(["signal 15 to 100"]);
  expect(driver.send("graceElapsed")).toContain("signal 9 to 100");
  driver.send(crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "stopped"]);
});

test("released: a smart daemon lives on, told so when it asked for it", () => {
  const driver = new Driver({ ...SMART, notifyPid: true });
  driver.send("wanted", "pidfileValid");
  expect(driver.send("released")).toEqual([
    "signal 15 to 200",
    "clear delay",
    "clear deadline",
    "clear grace",
    "stopped",
  ]);
});

test("smart2 is up once it is started, and down when its process ends, whatever its pidfile says", () => {
  const driver = new Driver(SMART2);
  driver.send("wanted", noPidfile, "spawned");
  expect(driver.state).toBe("running");
  expect(driver.after(5000).send(crashed(0))).toEqual(["set grace 5000", "sweep 100 with 9"]);
  expect(driver.send("emptied")).toEqual(["clear grace", "readPidfile"]);
});

test("a control daemon ends once, with its own exit, and is not started again", () => {
  const driver = new Driver(CONTROL);
  driver.send("wanted", "spawned");
  expect(driver.send(crashed(7))).toEqual(["controlEnded", "set grace 3000", "sweep 100 with 15"]);
  expect(driver.send("unwanted", "emptied")).toEqual(["clear grace", "stopped"]);
  expect(driver.state).toBe("down");
});

test("a set-up that fails beside a pidfile is told once, and what the pidfile is", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", noPidfile, "spawned", crashed(127, `cannot start "./d": exec: no such file`));
  expect(driver.logs(noPidfile)[0]).toBe(
    `cannot start "./d": exec: no such file; pidfile "/run/d.pid" does not exist`,
  );
});

test("a control daemon that cannot be started ends as well", () => {
  const driver = new Driver(CONTROL);
  driver.send("wanted");
  expect(driver.send("spawnFailed")).toEqual(["clear deadline", "controlEnded"]);
  expect(driver.send("unwanted")).toEqual(["letGo"]);
});

test("a control daemon that is touched is restarted and ends nothing", () => {
  const driver = new Driver(CONTROL);
  driver.send("wanted", "spawned", "restartRequested", crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "spawn"]);
});

test("a set-up that fails after the spawn is told in its own words and is a failed start", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned");
  expect(driver.after(10_000).logs(crashed(126, `cannot start "./d": exec: permission denied`))).toEqual([
    `cannot start "./d": exec: permission denied`,
  ]);
  expect(driver.send("emptied")).toEqual(["clear grace", "set delay 1000"]);
});

test("every change of state is logged as old > new", () => {
  const driver = new Driver(DUMB);
  const effects = driver.machine.handle(EVENTS.wanted, 0);
  expect(effects[0]).toEqual({ do: "log", level: "debug", text: "down > starting", fields: {} });
});

test("the identity of a process is its pid and its start time", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", { type: "pidfileInvalid", found: "-" }, "spawned");
  driver.send({ type: "pidfileValid", process: id(LAUNCHER.pid, 1n) });
  // The same number, another process: the launcher's end is not the daemon's.
  expect(driver.send(crashed(0))).toEqual([]);
  expect(driver.state).toBe("running");
});

test("released while it starts: a look decides whether it lives on or is stopped", () => {
  for (const launched of [["spawned"], ["spawned", "deadlinePassed"]] as const) {
    const found = new Driver(SMART);
    found.send("wanted", "pidfileInvalid", ...launched);
    expect(found.send("released")).toEqual(["readPidfile"]);
    expect(found.send("pidfileValid")).toContain("stopped");
    expect(found.state).toBe("down");

    const lost = new Driver(SMART);
    lost.send("wanted", "pidfileInvalid", ...launched, "released");
    expect(lost.send("pidfileInvalid")).toContain("signal 15 to 100");
    expect(lost.state).toBe("stopping");
  }
});

const OTHER_DUMB = { ...DUMB, command: "./other", stopSignal: 2, stopTimeout: 9 };
const becomes = (restart: boolean): DaemonEvent => ({
  type: "planChanged",
  settings: DUMB,
  next: OTHER_DUMB,
  restart,
});

test("a daemon that is another from now on is stopped in its own way, then started as that", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned");
  expect(driver.send(becomes(true))).toEqual(["clear deadline", "signal 15 to 100", "set grace 3000"]);
  driver.send(crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "takeOver", "spawn"]);
  expect(driver.machine.settings).toBe(OTHER_DUMB);
});

test("a daemon that is another from its next start on is that when it crashes, and without its failures", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", crashed(), "emptied", "delayElapsed", "spawned");
  expect(driver.send(becomes(false))).toEqual([]);
  driver.send(crashed(), "emptied");
  expect(driver.send("delayElapsed")).toEqual(["takeOver", "spawn"]);
  expect(driver.machine.status.streak).toEqual({ starts: 1, failures: 0 });
});

test("a smart daemon that is to start anew while its launch is under way does as soon as it runs", () => {
  const driver = new Driver(SMART);
  driver.send("wanted", "pidfileInvalid", "spawned", crashed(0), "pidfileInvalid");
  const next = { ...SMART, command: "./other" };
  expect(driver.send({ type: "planChanged", settings: SMART, next, restart: true })).toEqual([]);
  expect(driver.send("pidfileValid")).toEqual([
    "follow 200",
    "clear deadline",
    "clear deadline",
    "signal 15 to 200",
    "set grace 3000",
  ]);
  expect(driver.send("mainExited")).toEqual(["clear grace", "takeOver", "watchPidfile", "readPidfile"]);
});

test("a daemon that is changed while it stops for good starts as the new one when it is wanted again", () => {
  const driver = new Driver(DUMB);
  driver.send("wanted", "spawned", "unwanted", becomes(true), crashed(0));
  expect(driver.send("emptied")).toEqual(["clear grace", "takeOver", "stopped"]);
  expect(driver.send("wanted")).toEqual(["spawn"]);
});
