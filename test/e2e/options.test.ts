/**
 * Options of the instance as daemons, logs and the process table show them: none of them may be read and then
 * forgotten.
 */
import { expect } from "bun:test";
import { readFileSync, renameSync, statSync, utimesSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { check, REEVE, reeve, root, user } from "./need.ts";
import { identify, inspect, isAlive, openFiles, pidIn } from "./process.ts";
import type { Scope } from "./harness.ts";
import { until } from "./wait.ts";

const RLIMIT_NPROC = 6;
const RLIMIT_AS = 9;
const CAP_NET_BIND_SERVICE = 10;

interface State {
  readonly pid: number;
  readonly umask: number;
  readonly nice: number;
  readonly cpus: number;
  readonly cwd: string;
  readonly uid: readonly number[];
  readonly gid: readonly number[];
  readonly groups: readonly number[];
  readonly rlimits: readonly (readonly [string, string])[];
  readonly fds: Readonly<Record<string, string>>;
  readonly environment: readonly string[];
  readonly CapPrm: string;
  readonly CapEff: string;
  readonly CapBnd: string;
}

async function stateIn(scope: Scope, name: string): Promise<State> {
  const [text] = await scope.untilFile(name, /^\{.*\}\n$/s);
  return JSON.parse(text) as State;
}

/** A second later than now: what is watched for a touch compares times. */
function touch(path: string): void {
  const later = Date.now() / 1000 + 5;
  utimesSync(path, later, later);
}

check("a daemon sees every setting of the instance: user, groups, limits, CPUs, nice, umask, environment", [
  reeve,
  root,
  user("www-data"),
], async (scope) => {
  scope.directoryFor("out", 0o777);
  scope.directoryFor("srv");
  scope.write("vars", "# a comment\nFROM_VARS=v 1\nAGAIN=vars\n");
  scope.write("envdir/FROM_DIR", "d 1\n");
  scope.write("envdir/GONE", "");
  const www = Number(/^www-data:[^:]*:(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"))?.[1]);
  const group = Number(/^www-data:[^:]*:(\d+):/m.exec(readFileSync("/etc/group", "utf8"))?.[1]);
  const supervisor = scope.reeve(
    scope.config([
      "uid = www-data",
      "gid = www-data",
      "add-gid = 4242",
      "add-gid = daemon",
      "no-initgroups = true",
      "umask = 027",
      `chdir = ${scope.path("srv")}`,
      "env = FIRST=1",
      "env = AGAIN=env",
      "env = REMOVED=1",
      "unenv = REMOVED",
      "unenv = BACK",
      "env = BACK=1",
      "env = GONE=1",
      `vars = ${scope.path("vars")}`,
      `envdir = ${scope.path("envdir")}`,
      "unenv = HOME",
      "limit-as = 512",
      "limit-nproc = 4000",
      "prio = 5",
      "cpu-affinity = 1",
      "cap = net_bind_service",
      "wait-for-mountpoint = /proc",
      `pidfile = ${scope.path("reeve.pid")}`,
      `safe-pidfile2 = ${scope.path("out", "safe.pid")}`,
      `attach-daemon = ${fixture("print_state")} ${scope.path("out", "state")} hang`,
      `attach-daemon2 = cmd=${fixture("print_state")} ${
        scope.path("out", "own")
      } hang,uid=0,gid=0,chdir=/usr`,
    ]),
  );
  const state = await stateIn(scope, "out/state");
  expect(state.uid).toEqual([www, www, www]);
  expect(state.gid).toEqual([group, group, group]);
  expect([...state.groups].sort((a, b) => a - b)).toEqual([1, 4242]);
  expect([state.umask, state.nice, state.cpus]).toEqual([0o027, 5, 1]);
  expect(state.cwd).toBe(scope.path("srv"));
  const megabytes = String(512 * 1024 * 1024);
  expect(state.rlimits[RLIMIT_AS]).toEqual([megabytes, megabytes]);
  expect(state.rlimits[RLIMIT_NPROC]).toEqual(["4000", "4000"]);
  const kept = (1n << BigInt(CAP_NET_BIND_SERVICE)).toString(16).padStart(16, "0");
  expect([state.CapPrm, state.CapEff, state.CapBnd]).toEqual([kept, kept, kept]);
  expect(state.environment).toContain("FIRST=1");
  expect(state.environment).toContain("AGAIN=vars");
  expect(state.environment).toContain("FROM_VARS=v 1");
  expect(state.environment).toContain("FROM_DIR=d 1");
  expect(state.environment).toContain("BACK=1");
  expect(state.environment.filter((one) => /^(?:REMOVED|GONE|HOME)=/.test(one))).toEqual([]);
  expect(state.fds["0"]).toBe("/dev/null");

  const own = await stateIn(scope, "out/own");
  expect([own.uid[0], own.gid[0], own.cwd]).toEqual([0, 0, "/usr"]);

  await supervisor.untilLog(/reeve is up/);
  expect(pidIn(scope.path("reeve.pid"))).toBe(supervisor.id.pid);
  expect(pidIn(scope.path("out", "safe.pid"))).toBe(supervisor.id.pid);
  expect(statSync(scope.path("reeve.pid")).uid).toBe(0);
  expect(statSync(scope.path("out", "safe.pid")).uid).toBe(www);
  expect((await supervisor.stop()).code).toBe(0);
  expect(identify(state.pid)).toBeNull();
});

check(
  "with master-as-root daemons stay root, whatever uid says",
  [reeve, root, user("www-data")],
  async (scope) => {
    const supervisor = scope.reeve(
      scope.config([
        "master-as-root = true",
        "immediate-uid = www-data",
        "immediate-gid = www-data",
        `attach-daemon = ${fixture("print_state")} ${scope.path("state")} hang`,
      ]),
    );
    expect((await stateIn(scope, "state")).uid).toEqual([0, 0, 0]);
    await supervisor.stop();
  },
);

check(
  "a log file in a directory that a hook makes is opened once the hook has run",
  [reeve],
  async (scope) => {
    for (const phase of ["asap", "as-root"]) {
      const log = scope.path(`${phase}/made/log`);
      const supervisor = scope.reeve(scope.config([
        `exec-${phase} = mkdir -p ${scope.path(`${phase}/made`)}`,
        `logto = ${log}`,
        "attach-daemon = sh -c 'echo from the daemon; exec sleep 86331'",
      ]));
      await scope.untilFile(`${phase}/made/log`, /^from the daemon$/m);
      await scope.untilFile(`${phase}/made/log`, /reeve is up/);
      expect((await supervisor.stop()).code).toBe(0);
      expect(scope.read(`${phase}/made/log`)).toContain("goodbye");
    }
    const refused = scope.reeve(
      scope.config(["exec-asap = true", `logto = ${scope.path("never/log")}`, "attach-daemon = sleep 86332"]),
    );
    const { code, output } = await refused.untilExit();
    expect(code).toBe(1);
    expect(output).toContain("no such directory");
  },
);

check(
  "what runs with a uid has that user's HOME, USER, LOGNAME and SHELL",
  [reeve, root, user("www-data")],
  async (scope) => {
    scope.directoryFor("out", 0o777);
    const entry = /^www-data:(?:[^:]*:){4}([^:]*):([^:\n]*)$/m.exec(readFileSync("/etc/passwd", "utf8"));
    const [, home = "", shell = ""] = entry ?? [];
    const names = ["HOME", "USER", "LOGNAME", "SHELL"];
    const mine = [`HOME=${home}`, "USER=www-data", "LOGNAME=www-data", `SHELL=${shell}`];
    const started = ["HOME=/started", "USER=starter", "LOGNAME=starter", "SHELL=/bin/started"];
    const show = (name: string): string =>
      `/bin/sh -c 'env > ${scope.path(`out/${name}`)}.new; mv ${scope.path(`out/${name}`)}.new ${
        scope.path(`out/${name}`)
      }; exec sleep 86330'`;
    const shown = async (name: string): Promise<readonly string[]> => {
      const [text] = await scope.untilFile(`out/${name}`, /^[^]*\n$/);
      const found = new Map(text.split("\n").map((line) => [line.split("=")[0] ?? "", line]));
      return names.flatMap((variable) => found.get(variable) ?? []);
    };
    const env = { HOME: "/started", USER: "starter", LOGNAME: "starter", SHELL: "/bin/started" };
    const run = (lines: readonly string[]) => scope.reeve(scope.config(lines), { environment: env });

    let supervisor = run([
      "env = SHELL=/bin/said",
      `attach-daemon2 = cmd=${show("plain")}`,
      `attach-daemon2 = cmd=${show("user")},uid=www-data`,
      `attach-daemon2 = cmd=${show("nobody")},uid=54321,gid=54321`,
    ]);
    const said = "SHELL=/bin/said";
    expect(await shown("plain")).toEqual([...started.slice(0, 3), said]);
    expect(await shown("user")).toEqual([...mine.slice(0, 3), said]);
    expect(await shown("nobody")).toEqual(["HOME=/", said]);
    await supervisor.stop();

    supervisor = run([
      "uid = www-data",
      `exec-as-user = env > ${scope.path("out/hook")}`,
      `attach-daemon = ${show("instance")}`,
    ]);
    expect(await shown("instance")).toEqual(mine);
    expect(await shown("hook")).toEqual(mine);
    await supervisor.stop();

    supervisor = run(["user-env = inherit", "uid = www-data", `attach-daemon = ${show("inherited")}`]);
    expect(await shown("inherited")).toEqual(started);
    await supervisor.stop();
  },
);

check("immediate-uid and immediate-gid are uid and gid", [reeve, root, user("www-data")], async (scope) => {
  scope.directoryFor("out", 0o777);
  const supervisor = scope.reeve(
    scope.config([
      "immediate-uid = 12345",
      "immediate-gid = 12346",
      `attach-daemon = ${fixture("print_state")} ${scope.path("out", "state")} hang`,
    ]),
  );
  const state = await stateIn(scope, "out/state");
  expect([state.uid[0], state.gid[0]]).toEqual([12345, 12346]);
  await supervisor.stop();
});

check("binsh names the shell, the first of them that there is", [reeve], async (scope) => {
  const shell = scope.write(
    "shell",
    `#!/bin/sh\necho "$2" > ${scope.path("ran")}\nexec /bin/sh "$@"\n`,
    0o755,
  );
  const supervisor = scope.reeve(
    scope.config(["binsh = /no/where", `binsh = ${shell}`, "attach-daemon = exec sleep 86301 > /dev/null"]),
  );
  await scope.untilOne(/^sleep 86301/);
  expect(scope.read("ran")).toBe("exec sleep 86301 > /dev/null\n");
  await supervisor.stop();
});

check("daemons-honour-stdin leaves the daemons reeve's own stdin", [reeve], async (scope) => {
  const supervisor = scope.reeve(
    scope.config([
      "daemons-honour-stdin = true",
      `attach-daemon = ${fixture("print_state")} ${scope.path("state")} hang`,
    ]),
    { stdin: "pipe" },
  );
  expect((await stateIn(scope, "state")).fds["0"]).toMatch(/^(?:pipe|socket):/);
  await supervisor.stop();
});

check("no daemon gets a descriptor that reeve inherited, from which its configuration may come", [
  reeve,
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 86310"]);
  const lock = scope.write("lock", "");
  const script = 'exec 7< "$1" 8> "$2"; exec "$0" /dev/fd/7';
  const supervisor = scope.start(["sh", "-c", script, REEVE, config, lock]);
  const daemon = await scope.untilOne(/^sleep 86310/);
  expect([...openFiles(daemon.pid).keys()]).toEqual([0, 1, 2]);
  await supervisor.stop();
});

check("procname-prefix-spaced is in front of reeve's process name", [reeve], async (scope) => {
  const supervisor = scope.reeve(
    scope.config(["procname-prefix-spaced = shop", "attach-daemon = sleep 86302"]),
  );
  await supervisor.untilLog(/reeve is up/);
  expect(inspect(supervisor.id.pid)?.name).toBe("shop reeve");
  await supervisor.stop();
});

check(
  "touch-exec and hook-touch run their commands, as often as their files are touched",
  [reeve],
  async (scope) => {
    const first = scope.write("first", "");
    const second = scope.write("second", "");
    const supervisor = scope.reeve(
      scope.config([
        `touch-exec = ${first} echo "one" >> ${scope.path("ran")}`,
        `hook-touch = ${second} exec:echo two >> ${scope.path("ran")}`,
        "attach-daemon = sleep 86303",
      ]),
    );
    await supervisor.untilLog(/reeve is up/);
    touch(first);
    await scope.untilFile("ran", /^one\n$/);
    touch(second);
    await scope.untilFile("ran", /^one\ntwo\n$/);
    await supervisor.stop();
  },
);

check("fs-brutal-reload reloads: the dumb daemon is another one", [reeve], async (scope) => {
  scope.directoryFor("watched");
  const supervisor = scope.reeve(
    scope.config([`fs-brutal-reload = ${scope.path("watched")}`, "attach-daemon = sleep 86304"]),
  );
  const before = await scope.untilOne(/^sleep 86304/);
  await supervisor.untilLog(/reeve is up/);
  scope.write("watched/new", "");
  await supervisor.untilLog(/reeve is back/);
  expect((await scope.untilOne(/^sleep 86304/)).pid).not.toBe(before.pid);
  expect(inspect(supervisor.id.pid)).not.toBeNull();
  await supervisor.stop();
});

check("exit-on-reload ends the instance with 0 instead", [reeve], async (scope) => {
  const supervisor = scope.reeve(
    scope.config(["exit-on-reload = true", "attach-control-daemon = sleep 86305"]),
  );
  const daemon = await scope.untilOne(/^sleep 86305/);
  await supervisor.untilLog(/reeve is up/);
  supervisor.signal("SIGHUP");
  expect((await supervisor.untilExit()).code).toBe(0);
  expect(isAlive(daemon)).toBe(false);
});

check("reload-mercy is the grace of a daemon that does not stop", [reeve], async (scope) => {
  const supervisor = scope.reeve(
    scope.config([
      "reload-mercy = 0.2",
      `attach-daemon = ${fixture("ignore_term")} ${scope.path("ignores")}`,
    ]),
  );
  await scope.untilFile("ignores", /\d/);
  const daemon = await scope.untilOne(/ignore_term/);
  await supervisor.untilLog(/reeve is up/);
  await supervisor.stop();
  expect(supervisor.log()).toContain("daemon did not die in time, killing");
  expect(isAlive(daemon)).toBe(false);
});

check(
  "log-truncate empties the log at start; with log-reopen a reload goes to the new file",
  [reeve],
  async (scope) => {
    const log = scope.write("own.log", "from the last time\n");
    const supervisor = scope.reeve(
      scope.config([
        `logto2 = ${log}`,
        "log-truncate = true",
        "log-reopen = true",
        "attach-daemon = sleep 86306",
      ]),
    );
    await scope.untilFile("own.log", /reeve is up/);
    expect(scope.read("own.log")).not.toContain("from the last time");
    renameSync(log, scope.path("old.log"));
    supervisor.signal("SIGHUP");
    await scope.untilFile("own.log", /reeve is back/);
    expect(scope.read("old.log")).toContain("gracefully reloading");
    await supervisor.stop();
  },
);

check("daemonize2 goes to the background once everything has started", [reeve], async (scope) => {
  const config = scope.config([
    `daemonize2 = ${scope.path("own.log")}`,
    `pidfile = ${scope.path("reeve.pid")}`,
    "attach-daemon = sleep 86307",
  ]);
  expect((await scope.run([REEVE, config])).code).toBe(0);
  expect(scope.matching(/^sleep 86307/)).toHaveLength(1);
  const id = identify(pidIn(scope.path("reeve.pid")) ?? 0);
  expect(id).not.toBeNull();
  expect(scope.read("own.log")).toContain("reeve is up");
  expect((await scope.run([REEVE, "--stop", scope.path("reeve.pid")])).code).toBe(0);
  await until("it has stopped", () => id !== null && !isAlive(id));
});

check("a script without #! runs, as it does under uWSGI", [reeve], async (scope) => {
  const script = scope.write("plain", `echo "$1|$2" > ${scope.path("ran")}\nexec sleep 86308\n`, 0o755);
  const supervisor = scope.reeve(scope.config([`attach-daemon = ${script} one 'two three'`]));
  await scope.untilOne(/^sleep 86308/);
  expect(scope.read("ran")).toBe("one|two three\n");
  await supervisor.stop();
});

check("no line of the log has a secret of a command", [reeve], async (scope) => {
  const script = scope.write("server", "#!/bin/sh\nexec sleep 86309\n", 0o755);
  const failing = scope.write("failing", "#!/bin/sh\nexit 3\n", 0o755);
  const touched = scope.write("touched", "");
  const secrets = "--password hunter2 token=hunter2 redis://u:hunter2@h/0";
  const supervisor = scope.reeve(
    scope.config([
      `attach-daemon2 = cmd=${script} ${secrets},touch=${touched}`,
      `attach-daemon = ${failing} ${secrets}`,
      `attach-daemon = /no/where ${secrets}`,
      `exec-as-root = true ${secrets} || true`,
      `hook-as-root = safeexec:false ${secrets}`,
      `touch-exec = ${touched} false ${secrets}`,
    ]),
  );
  await supervisor.untilLog(/reeve is up/);
  await supervisor.untilLog(/throttling/);
  touch(touched);
  await supervisor.untilLog(/respawning "[^"]*server/);
  supervisor.signal("SIGUSR1");
  await supervisor.untilLog(/last_exit/);
  await supervisor.stop();
  expect(supervisor.log()).toContain("--password [hidden]");
  expect(supervisor.log().split("\n").filter((line) => line.includes("hunter2"))).toEqual([]);
});
