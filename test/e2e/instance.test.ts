/**
 * The instance as its user meets it: bad input, exit codes, signals, reload, stop, what it leaves behind and
 * what it tells its parent.
 */
import { expect } from "bun:test";
import { existsSync, rmSync, utimesSync } from "node:fs";
import { resolve } from "node:path";
import { fixture } from "../fixtures/compile.ts";
import { check, program, reeve, root } from "./need.ts";
import { inspect, isAlive, pidIn, signal } from "./process.ts";
import { until } from "./wait.ts";

check("a bad configuration on reload is reported and changes nothing", [reeve], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 86376"]);
  const supervisor = scope.reeve(config);
  const daemon = await scope.untilOne(/^sleep 86376/);
  const from = supervisor.log().length;
  scope.config(["attach-daemon = sleep 86376", "uid = no-such-user"]);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/no-such-user/, { from });
  expect(isAlive(daemon)).toBe(true);
  // Mended, it is taken.
  scope.config(["attach-daemon = sleep 86375"]);
  supervisor.signal("SIGHUP");
  await scope.untilOne(/^sleep 86375/);
  expect(isAlive(daemon)).toBe(false);
  expect(inspect(supervisor.id.pid)?.start).toBe(supervisor.id.start);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a reload under load loses no daemon's death: each one killed around it is back",
  [reeve],
  async (scope) => {
    const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
    const pidfile = (number: number) => scope.path(`smart${number}.pid`);
    const supervisor = scope.reeve(
      scope.config(
        numbers.map((number) =>
          `smart-attach-daemon = ${pidfile(number)} ${fixture("daemonize_with_pidfile")} ${pidfile(number)}`
        ),
      ),
    );
    const running = () => scope.matching(/daemonize_with_pidfile .*\d\.pid/);
    await until(
      "all eight run",
      () => numbers.every((number) => pidIn(pidfile(number)) !== null) && running().length === 8,
    );
    const before = running();
    supervisor.signal("SIGHUP");
    for (const daemon of before.slice(0, 4)) signal(daemon, "SIGKILL");
    await until("all eight run, four of them new", () => {
      const now = running();
      return now.length === 8 && before.slice(4).every(isAlive) && !before.slice(0, 4).some(isAlive);
    }, { seconds: 20, explain: () => scope.explain() });
    expect((await supervisor.stop()).code).toBe(0);
  },
  60,
);

check("daemons that ignore TERM are stopped at once, each after its own grace", [reeve], async (scope) => {
  const lines = Array.from(
    { length: 10 },
    (_, index) =>
      `attach-daemon2 = cmd=${fixture("ignore_term")} ${scope.path(`pid${index}`)},stop_timeout=1`,
  );
  const supervisor = scope.reeve(scope.config(lines));
  for (const index of lines.keys()) await scope.untilFile(`pid${index}`, /\d/);
  const exit = await supervisor.stop();
  expect(exit.code).toBe(0);
  expect(scope.matching(/ignore_term/)).toEqual([]);
  expect(exit.output.match(/did not die in time, killing/g)?.length).toBe(10);
});

for (
  const [name, first, second] of [
    ["a second TERM", "SIGTERM", "SIGTERM"],
    ["a second INT", "SIGINT", "SIGINT"],
    ["QUIT", null, "SIGQUIT"],
  ] as const
) {
  check(`${name} stops at once, whatever the grace`, [reeve], async (scope) => {
    const command = `${fixture("ignore_term")} ${scope.path("pid")}`;
    const supervisor = scope.reeve(scope.config([`attach-daemon2 = cmd=${command},stop_timeout=3600`]));
    await scope.untilFile("pid", /\d/);
    const daemon = await scope.untilOne(/ignore_term/);
    if (first !== null) {
      supervisor.signal(first);
      await supervisor.untilLog(/stopping daemon/);
      expect(isAlive(daemon)).toBe(true);
    }
    supervisor.signal(second);
    await supervisor.untilExit();
    expect(isAlive(daemon)).toBe(false);
  });
}

check("QUIT while a hook that follows the start still runs: the hook is called off", [
  reeve,
], async (scope) => {
  const supervisor = scope.reeve(
    scope.config(["hook-master-start = exec:sleep 86352", "attach-daemon = sleep 86351"]),
  );
  await scope.untilOne(/^sleep 86352/);
  supervisor.signal("SIGQUIT");
  expect((await supervisor.untilExit()).code).toBe(0);
  expect(scope.matching(/^sleep 8635/)).toEqual([]);
});

for (const second of ["SIGQUIT", "SIGTERM"] as const) {
  check(`${second} while a hook of the end still runs: the hook is called off`, [reeve], async (scope) => {
    const supervisor = scope.reeve(
      scope.config(["hook-as-user-atexit = exec:sleep 86354", "attach-daemon = sleep 86353"]),
    );
    await supervisor.untilLog(/reeve is up/);
    supervisor.signal("SIGTERM");
    await scope.untilOne(/^sleep 86354/);
    supervisor.signal(second);
    const exit = await supervisor.untilExit();
    expect(exit.code).toBe(0);
    expect(exit.output).toMatch(/goodbye to reeve/);
    expect(scope.matching(/^sleep 8635/)).toEqual([]);
  });
}

check("USR1 logs the state of every daemon", [reeve], async (scope) => {
  const config = scope.config([
    "attach-daemon2 = name=first,cmd=sleep 86374",
    "attach-daemon2 = name=second,cmd=sleep 86373",
  ]);
  const supervisor = scope.reeve(config);
  const first = await scope.untilOne(/^sleep 86374/);
  const second = await scope.untilOne(/^sleep 86373/);
  const from = supervisor.log().length;
  supervisor.signal("SIGUSR1");
  await supervisor.untilLog(new RegExp(`first[^\\n]*${first.pid}`), { from });
  await supervisor.untilLog(new RegExp(`second[^\\n]*${second.pid}`), { from });
});

check("what a dumb daemon forked goes with it: when it dies, and at the next start when reeve was killed", [
  reeve,
], async (scope) => {
  scope.write("pair", "#!/bin/sh\nsleep 86372 &\nexec sleep 86371\n", 0o755);
  const config = scope.config([`attach-daemon = ${scope.path("pair")}`]);
  const supervisor = scope.reeve(config);
  const pair = async (not: readonly number[]) => ({
    leader: await until(
      "the leader",
      () => scope.matching(/^sleep 86371/).find((one) => !not.includes(one.pid)),
    ),
    child: await until(
      "its child",
      () => scope.matching(/^sleep 86372/).find((one) => !not.includes(one.pid)),
    ),
  });
  const first = await pair([]);
  signal(first.leader, "SIGKILL");
  const second = await pair([first.leader.pid, first.child.pid]);
  expect(isAlive(first.child)).toBe(false);
  await scope.untilFile("run/journal", new RegExp(`"pid":${second.leader.pid},`));
  await supervisor.kill();
  await until("the leader died with reeve", () => !isAlive(second.leader));
  const again = scope.reeve(config);
  const third = await pair([first.leader.pid, first.child.pid, second.leader.pid, second.child.pid]);
  expect(isAlive(second.child)).toBe(false);
  expect((await again.stop()).code).toBe(0);
  expect([isAlive(third.leader), isAlive(third.child)]).toEqual([false, false]);
});

check("a control daemon ends the instance and its exit code is reeve's", [reeve], async (scope) => {
  scope.write(
    "control",
    `#!/bin/sh\nwhile ! test -e ${scope.path("go")}; do sleep 0.02; done; exit 7\n`,
    0o755,
  );
  const supervisor = scope.reeve(
    scope.config(["attach-daemon = sleep 86370", `attach-control-daemon = ${scope.path("control")}`]),
  );
  const other = await scope.untilOne(/^sleep 86370/);
  scope.write("go", "");
  expect((await supervisor.untilExit()).code).toBe(7);
  expect(isAlive(other)).toBe(false);
});

check(
  "told to stop, an instance ends with its control daemon's exit code, as an init does",
  [reeve],
  async (scope) => {
    const script = scope.write(
      "entrypoint",
      `#!/bin/sh\ntrap 'exit "$1"' QUIT\n: > ${scope.path("ready")}\nwhile :; do sleep 0.02; done\n`,
      0o755,
    );
    const stopped = async (lines: readonly string[]): Promise<number> => {
      rmSync(scope.path("ready"), { force: true });
      const supervisor = scope.reeve(scope.config([...lines, "attach-daemon = sleep 86350"]));
      await until("the control daemon's trap", () => existsSync(scope.path("ready")));
      return (await supervisor.stop()).code;
    };
    for (const code of [0, 5]) {
      expect(await stopped([`attach-daemon2 = cmd=${script} ${code},control=1,stopsignal=QUIT`])).toBe(code);
    }
    // One that does not handle its stop signal gives what COMMAND of "reeve -- COMMAND" gives.
    const unhandled = `sh -c ': > ${scope.path("ready")}; exec sleep 86351'`;
    expect(await stopped([`attach-control-daemon = ${unhandled}`])).toBe(143);
    expect(await stopped([`attach-daemon = ${unhandled}`])).toBe(0);
  },
);

check("a touched file restarts its daemon and no other", [reeve], async (scope) => {
  const touch = scope.write("touch-me", "");
  const supervisor = scope.reeve(
    scope.config([`attach-daemon2 = cmd=sleep 86369 , touch=${touch}`, "attach-daemon = sleep 86368"]),
  );
  const first = await scope.untilOne(/^sleep 86369/);
  const other = await scope.untilOne(/^sleep 86368/);
  const later = Date.now() / 1000 + 5;
  utimesSync(touch, later, later);
  await until("another one", () => scope.matching(/^sleep 86369/).find((one) => one.pid !== first.pid));
  expect(isAlive(other)).toBe(true);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a file that is touched as soon as its daemon runs restarts it", [reeve], async (scope) => {
  const touch = scope.write("touch-me", "");
  const once = scope.path("once");
  const script = scope.write(
    "daemon",
    `#!/bin/sh\ntest -e ${once} && exec sleep 86364\ntouch ${once} ${touch}\nexec sleep 86365\n`,
    0o755,
  );
  const supervisor = scope.reeve(scope.config([`attach-daemon2 = cmd=${script},touch=${touch}`]));
  await scope.untilOne(/^sleep 86364/);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a pidfile of its own: --reload and --stop find it, vacuum removes it", [reeve], async (scope) => {
  const pidfile = scope.path("own.pid");
  const config = scope.config([`pidfile = ${pidfile}`, "vacuum = true", "attach-daemon = sleep 86367"]);
  const supervisor = scope.reeve(config);
  const daemon = await scope.untilOne(/^sleep 86367/);
  await until("its pidfile", () => pidIn(pidfile) === supervisor.id.pid);
  expect((await scope.reeve(["--reload", pidfile]).untilExit()).code).toBe(0);
  await until(
    "the reloaded daemon",
    () => scope.matching(/^sleep 86367/).find((one) => one.pid !== daemon.pid),
  );
  expect((await scope.reeve(["--stop", pidfile]).untilExit()).code).toBe(0);
  expect((await supervisor.untilExit()).code).toBe(0);
  expect(existsSync(pidfile)).toBe(false);
});

check(
  "its parent is told READY, RELOADING and STOPPING",
  [reeve, program("/usr/bin/python3", "python3")],
  async (scope) => {
    const socket = scope.path("notify");
    const listener = resolve(import.meta.dir, "../fixtures/listen_notify.py");
    scope.start(["/usr/bin/python3", listener, socket, scope.path("told")]);
    await until("the listener", () => existsSync(socket));
    const supervisor = scope.reeve(scope.config(["attach-daemon = sleep 86366"]), {
      environment: { NOTIFY_SOCKET: socket },
    });
    await scope.untilFile("told", /^READY=1$/m);
    const daemon = await scope.untilOne(/^sleep 86366/);
    supervisor.signal("SIGHUP");
    await scope.untilFile("told", /^RELOADING=1$/m);
    await scope.untilFile("told", /^RELOADING=1$[^]*^READY=1$/m);
    await until(
      "the reloaded daemon",
      () => scope.matching(/^sleep 86366/).find((one) => one.pid !== daemon.pid),
    );
    expect((await supervisor.stop()).code).toBe(0);
    await scope.untilFile("told", /^STOPPING=1$/m);
  },
);

check(
  "two instances of one configuration: the second says so and ends, the first is untouched",
  [reeve],
  async (scope) => {
    const config = scope.config(["attach-daemon = sleep 86365"]);
    scope.reeve(config);
    const daemon = await scope.untilOne(/^sleep 86365/);
    const second = await scope.reeve(config).untilExit();
    expect(second.code).not.toBe(0);
    expect(isAlive(daemon)).toBe(true);
  },
);

check(
  "a daemon that never daemonizes is reported once, supervised, and stopped with reeve",
  [reeve],
  async (scope) => {
    const supervisor = scope.reeve(
      scope.config([
        `attach-daemon2 = cmd=sleep 86364,pidfile=${scope.path("never.pid")},freq=1,max_throttle=1`,
      ]),
    );
    const daemon = await scope.untilOne(/^sleep 86364/);
    await supervisor.untilLog(/did not daemonize/);
    expect(isAlive(daemon)).toBe(true);
    signal(daemon, "SIGKILL");
    const second = await until(
      "another one",
      () => scope.matching(/^sleep 86364/).find((one) => one.pid !== daemon.pid),
    );
    expect((await supervisor.stop()).code).toBe(0);
    expect(isAlive(second)).toBe(false);
  },
);

check(
  "as an ordinary user it runs its daemons and reports a uid that it cannot give",
  [reeve, root],
  async (scope) => {
    scope.directoryFor("home", 0o777);
    const wrap = ["setpriv", "--reuid=54323", "--regid=54323", "--clear-groups"];
    const plain = scope.write(
      "plain.ini",
      `[uwsgi]\nrun-dir = ${scope.path("home/run")}\nattach-daemon = sleep 86363\n`,
    );
    const supervisor = scope.reeve(plain, { wrap });
    await scope.untilOne(/^sleep 86363/);
    expect((await supervisor.stop()).code).toBe(0);
    const other = scope.write(
      "other.ini",
      `[uwsgi]\nrun-dir = ${scope.path("home/run2")}\nuid = nobody\nattach-daemon = sleep 1\n`,
    );
    const refused = await scope.reeve(other, { wrap }).untilExit();
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/nobody|uid|root/);
  },
);
