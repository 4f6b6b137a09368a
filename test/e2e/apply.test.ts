/**
 * A changed configuration applied to a running instance over its control socket: only what differs is
 * touched, whatever happens meanwhile.
 */
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { Asking } from "./ask.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, REEVE, reeve } from "./need.ts";
import { identify, pidIn } from "./process.ts";
import { until } from "./wait.ts";

type Daemons = Readonly<Record<string, readonly string[]>>;

function write(scope: Scope, daemons: Daemons, lines: readonly string[] = []): string {
  const sections = Object.entries(daemons).flatMap(([name, keys]) => [`[daemon:${name}]`, ...keys]);
  return scope.config([...lines, ...sections]);
}

async function started(scope: Scope, daemons: Daemons, lines: readonly string[] = []): Promise<Applying> {
  const supervisor = scope.reeve(write(scope, daemons, lines));
  await supervisor.untilLog(/reeve is up/, { seconds: 30 });
  return new Applying(scope, supervisor);
}

class Applying {
  readonly supervisor: Supervisor;
  readonly asking: Asking;
  readonly #scope: Scope;

  constructor(scope: Scope, supervisor: Supervisor) {
    this.#scope = scope;
    this.supervisor = supervisor;
    this.asking = new Asking(scope);
  }

  /** Writes the configuration, applies it and waits until that is done: "NAME WORK" of each daemon touched. */
  async apply(daemons: Daemons, lines: readonly string[] = [], body: object = {}): Promise<string[]> {
    write(this.#scope, daemons, lines);
    const { status, result, change } = await this.asking.post("/v1/apply", body);
    expect([status, result.message]).toEqual([202, undefined]);
    await this.asking.ended(change ?? "");
    return result.daemons.map(({ name, work }: { name: string; work: string }) => `${name} ${work}`);
  }

  async pids(): Promise<Readonly<Record<string, number>>> {
    const { result } = await this.asking.get("/v1/services");
    return Object.fromEntries(result.map(({ name, pid }: { name: string; pid: number }) => [name, pid]));
  }
}

check("one of a thousand that changed is one that is restarted", [reeve], async (scope) => {
  const thousand = (change: Daemons = {}): Daemons => ({
    ...Object.fromEntries(
      Array.from({ length: 1000 }, (_, number) => [`d${number}`, ["command = sleep 86399"]]),
    ),
    ...change,
  });
  const applying = await started(scope, thousand());
  const before = await applying.pids();
  expect(await applying.apply(thousand({ d500: ["command = sleep 86398"] }))).toEqual(["d500 restart"]);
  const after = await applying.pids();
  const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
  expect([changed, Object.keys(after).length]).toEqual([["d500"], 1000]);
  expect(await applying.apply(thousand({ d500: ["command = sleep 86398"] }))).toEqual([]);
  expect((await applying.supervisor.stop()).code).toBe(0);
}, 120);

check("renamed, removed, come: and who stays has the same process", [reeve], async (scope) => {
  const lines = ["attach-daemon = sleep 86311", "attach-daemon = sleep 86312"];
  const applying = await started(
    scope,
    { web: ["command = sleep 86313"], gone: ["command = sleep 86314"] },
    lines,
  );
  const before = await applying.pids();
  const next = { www: ["command = sleep 86313"], come: ["command = sleep 86315"] };
  expect(await applying.apply(next, lines.slice(1))).toEqual([
    "sleep stop",
    "gone stop",
    "sleep rename",
    "www rename",
    "come start",
  ]);
  const after = await applying.pids();
  expect(Object.keys(after)).toEqual(["sleep", "www", "come"]);
  expect([after["sleep"], after["www"]]).toEqual([before["sleep-2"]!, before["web"]!]);
  expect([identify(before["sleep"]!), identify(before["gone"]!)]).toEqual([null, null]);
  expect((await applying.supervisor.stop()).code).toBe(0);
});

check("a live setting holds at the next stop, and nobody is restarted for it", [reeve], async (scope) => {
  const deaf = 'command = sh -c \'trap "" TERM; trap "exit 7" INT; while :; do sleep 0.1; done\'';
  const applying = await started(scope, { web: [deaf, "stop_timeout = 60"] });
  await scope.untilMinds(/^sh -c trap "" TERM/, "SIGINT");
  const { web } = await applying.pids();
  expect(await applying.apply({ web: [deaf, "stop_timeout = 60", "stopsignal = INT"] })).toEqual([
    "web live",
  ]);
  expect((await applying.pids())["web"]).toBe(web!);
  await applying.asking.act("stop", ["web"]);
  expect((await applying.asking.service("web"))["last-exit"]).toMatchObject({ code: 7 });
  expect((await applying.supervisor.stop()).code).toBe(0);
});

check(
  "a smart daemon runs the older command until it is restarted, and everybody is told",
  [reeve],
  async (scope) => {
    const pidfile = scope.path("s.pid");
    const smart = (command: string): Daemons => ({
      s: [`command = ${command}`, `pidfile = ${pidfile}`, "daemonize = 1"],
    });
    const applying = await started(scope, smart("sleep 86321"));
    const { s } = await applying.pids();
    expect(await applying.apply(smart("sleep 86322"))).toEqual(["s older"]);
    expect(await applying.asking.service("s")).toMatchObject({
      pid: s,
      outdated: true,
      command: "sleep 86321",
    });
    applying.supervisor.signal("SIGUSR1");
    await applying.supervisor.untilLog(/s: running .*older="until it is restarted" command="sleep 86321"/);
    // A reload knows it as well, and so does what comes after it.
    const from = applying.supervisor.log().length;
    applying.supervisor.signal("SIGHUP");
    await applying.supervisor.untilLog(/reeve is back/, { from });
    expect(await applying.asking.service("s")).toMatchObject({
      pid: s,
      outdated: true,
      command: "sleep 86321",
    });
    expect(await applying.apply(smart("sleep 86322"))).toEqual(["s older"]);
    expect(await applying.apply(smart("sleep 86322"), [], { "restart-smart": true })).toEqual(["s restart"]);
    const now = await applying.asking.service("s");
    expect(now).toMatchObject({ outdated: false, command: "sleep 86322", pid: pidIn(pidfile) });
    expect(now.pid).not.toBe(s!);
    // One that is removed is stopped, unless it is to be kept.
    const other = { other: ["command = sleep 86323"] };
    expect(await applying.apply(other, [], { "keep-removed": true })).toEqual(["s leave", "other start"]);
    expect(identify(now.pid)).not.toBeNull();
    expect(await applying.apply({ ...other, ...smart("sleep 86322") })).toEqual(["s start"]);
    expect((await applying.asking.service("s")).pid).toBe(now.pid);
    expect(await applying.apply(other)).toEqual(["s stop"]);
    await until("it is gone", () => identify(now.pid) === null);
    expect((await applying.supervisor.stop()).code).toBe(0);
  },
);

check(
  "a bad file and a file that is gone change nothing, and their place is told",
  [reeve],
  async (scope) => {
    const applying = await started(scope, { web: ["command = sleep 86331"] });
    const before = await applying.pids();
    write(scope, { web: ["command = sleep 86332", "uid = no-such-user"], other: ["command = sleep 1"] });
    const bad = await applying.asking.post("/v1/apply", {});
    expect([bad.status, bad.result.kind]).toEqual([400, "bad-request"]);
    expect(bad.result.message).toMatch(/test\.ini:\d+: .*no-such-user/);
    rmSync(scope.path("test.ini"));
    const gone = await applying.asking.post("/v1/apply", {});
    expect([gone.status, gone.result.message]).toEqual([400, expect.stringMatching(/test\.ini/)]);
    expect(await applying.pids()).toEqual(before);
    expect(await applying.apply({ web: ["command = sleep 86331"] })).toEqual([]);
    expect((await applying.supervisor.stop()).code).toBe(0);
  },
);

check(
  "what was stopped by hand stays so when it is changed, renamed, removed and comes again",
  [reeve],
  async (scope) => {
    const applying = await started(scope, {
      web: ["command = sleep 86341"],
      other: ["command = sleep 86342"],
    });
    await applying.asking.act("stop", ["web"]);
    const other = { other: ["command = sleep 86342"] };
    expect(await applying.apply({ web: ["command = sleep 86343"], ...other })).toEqual(["web later"]);
    expect(await applying.apply({ www: ["command = sleep 86343"], ...other })).toEqual(["www rename"]);
    expect(await applying.asking.service("www")).toMatchObject({ state: "down", held: { by: "root" } });
    expect(await applying.apply(other)).toEqual(["www stop"]);
    await applying.apply({ www: ["command = sleep 86343"], ...other });
    expect(await applying.asking.service("www")).toMatchObject({ state: "down", held: { by: "root" } });
    await applying.asking.act("start", ["www"]);
    await scope.untilOne(/^sleep 86343/);
    expect((await applying.supervisor.stop()).code).toBe(0);
  },
);

check("during a restart and during the back-off the last word counts", [reeve], async (scope) => {
  const slow = (end: string): Daemons => ({
    web: [`command = sh -c 'trap "" TERM; while :; do sleep 0.1; done # ${end}'`, "stop_timeout = 2"],
  });
  const applying = await started(scope, slow("one"));
  await scope.untilMinds(/^sh -c trap "" TERM/, "SIGTERM");
  const { web } = await applying.pids();
  const restart = await applying.asking.post("/v1/services", { action: "restart", services: ["web"] });
  expect(await applying.apply(slow("two"))).toEqual(["web restart"]);
  await applying.asking.ended(restart.change ?? "");
  const now = await applying.asking.service("web");
  expect([now.command.endsWith("# two'"), identify(web!), now.restarts]).toEqual([true, null, 1]);
  const fails = { web: ["command = false", "freq = 1"] };
  await applying.apply(fails);
  await applying.asking.untilState("web", "broken");
  expect(await applying.apply({ web: ["command = sleep 86351"] })).toEqual(["web restart"]);
  expect(await applying.asking.service("web")).toMatchObject({ state: "running", streak: 0 });
  expect((await applying.supervisor.stop("SIGQUIT")).code).toBe(0);
});

check(
  "a value of the instance restarts whom it reaches, and what is nobody's is named",
  [reeve],
  async (scope) => {
    const daemons = { web: ["command = sh -c 'echo is $WORD; exec sleep 86361'"] };
    const applying = await started(scope, daemons, ["env = WORD=one"]);
    await applying.supervisor.untilLog(/is one/);
    write(scope, daemons, ["env = WORD=two", "hook-asap = mkdir:x", "instance-name = other"]);
    const { result, change } = await applying.asking.post("/v1/apply", {});
    expect(result).toMatchObject({
      daemons: [{ name: "web", work: "restart", settings: [{ name: "env WORD", from: "one", to: "two" }] }],
      reload: ["hook-asap"],
      stop: ["instance-name"],
    });
    await applying.asking.ended(change ?? "");
    await applying.supervisor.untilLog(/is two/);
    expect((await applying.supervisor.stop()).code).toBe(0);
  },
);

check("another file can be named, and replan is an apply of the own one", [reeve], async (scope) => {
  const applying = await started(scope, { web: ["command = sleep 86371"] });
  const other = scope.write("other.ini", "[uwsgi]\n[daemon:web]\ncommand = sleep 86372\n");
  const { result, change } = await applying.asking.post("/v1/apply", { file: other });
  expect(result.daemons).toMatchObject([{ name: "web", work: "restart", file: other }]);
  await applying.asking.ended(change ?? "");
  await scope.untilOne(/^sleep 86372/);
  const wrong = await applying.asking.post("/v1/apply", { fille: other });
  expect(wrong.status).toBe(400);
  const replan = await applying.asking.post("/v1/services", { action: "replan", services: [] });
  await applying.asking.ended(replan.change ?? "");
  await scope.untilOne(/^sleep 86371/);
  expect((await applying.supervisor.stop()).code).toBe(0);
});

check("reeve apply says what it does, and ends with what became of it", [reeve], async (scope) => {
  const applying = await started(scope, { web: ["command = sleep 86381"], deaf: ["command = sleep 86382"] });
  const asked = (...words: readonly string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([
      REEVE,
      "apply",
      "--socket",
      applying.asking.socket,
      ...words,
    ]);
    return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
  };
  const before = await applying.pids();
  expect(asked("--dry-run")).toEqual({
    code: 0,
    out: "= 2 unchanged\nnothing was done (--dry-run)\n",
    err: "",
  });
  write(scope, { web: ["command = sleep 86383"], deaf: ["command = sleep 86382"] });
  const dry = asked("--dry-run");
  expect([dry.code, dry.out]).toEqual([
    3,
    expect.stringMatching(/^~ web {2}restart: command {2}\S*test\.ini:\d+ {2}"86381" > "86383"\n= 1/),
  ]);
  expect(await applying.pids()).toEqual(before);
  const done = asked();
  expect([done.code, done.err]).toEqual([0, ""]);
  await scope.untilOne(/^sleep 86383/);
  write(scope, {
    web: ["command = /nowhere/web"],
    deaf: ["command = sleep 86382", "stop_timeout = nonsense"],
  });
  const bad = asked();
  expect([bad.code, bad.err]).toEqual([
    2,
    expect.stringMatching(/cannot apply: .*test\.ini:\d+: .*stop_timeout/s),
  ]);
  expect((await applying.pids())["deaf"]).toBe(before["deaf"]!);
  expect((await applying.supervisor.stop()).code).toBe(0);
  expect(asked().code).not.toBe(0);
});
