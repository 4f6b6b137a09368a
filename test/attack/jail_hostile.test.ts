/**
 * Jails whose processes attack the reeve that runs them: with pidfiles, links, and events without end. What
 * is outside is not touched.
 */
import { expect } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Scope, Supervisor } from "../e2e/harness.ts";
import { busybox, busyboxRoot } from "../e2e/jail_root.ts";
import { check, pidNamespace, REEVE, reeve, root } from "../e2e/need.ts";
import { allProcesses, commandLine, identify, isAlive, type ProcessId, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";
import { fixture } from "../fixtures/compile.ts";

const NEEDS = [reeve, root, pidNamespace, busybox];

async function up(
  scope: Scope,
  lines: readonly string[],
): Promise<{ supervisor: Supervisor; init: ProcessId }> {
  const supervisor = scope.reeve(scope.config([`namespace = ${scope.path("root")}`, ...lines]));
  await supervisor.untilLog(/reeve is up/);
  const init = identify(Number((await supervisor.untilLog(/the jail is made pid=(\d+)/))[1]))!;
  scope.track(init);
  return { supervisor, init };
}

/** Outside: notes every signal that it gets. */
async function victim(scope: Scope): Promise<ProcessId> {
  const { outer } = scope.start([fixture("record_signals"), scope.path("seen")]);
  await scope.untilFile("seen", /ready/);
  return outer;
}

check(
  "a pidfile that names whom it likes: nobody is signalled but what is in the jail and is the daemon",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    const target = await victim(scope);
    scope.write("outside.pid", `${target.pid}\n`);
    const pidfile = scope.path("root/run/p");
    // The command writes no pidfile: what stands there is the attack.
    const { supervisor, init } = await up(scope, [
      "attach-daemon2 = name=hostile,cmd=touch /tmp/x,pidfile=/run/p,freq=60,notifypid=1,touch=/run/touch",
      "attach-daemon = sleep 85001",
    ]);
    const attacks = [
      () => writeFileSync(pidfile, `${target.pid}\n`),
      () => writeFileSync(pidfile, "1\n"),
      () => symlinkSync(scope.path("outside.pid"), pidfile),
      () => symlinkSync("../../../../../../../etc/passwd", pidfile),
      () => symlinkSync("/proc/1/root/etc/passwd", pidfile),
      () => Bun.spawnSync(["mkfifo", pidfile]),
      () => mkdirSync(pidfile),
      () => {
        writeFileSync(pidfile, "x");
        truncateSync(pidfile, 1 << 30);
      },
    ];
    for (const make of attacks) {
      rmSync(pidfile, { recursive: true, force: true });
      make();
      writeFileSync(scope.path("root/run/touch"), String(Math.random()));
      const from = supervisor.log().length;
      supervisor.signal("SIGHUP");
      await supervisor.untilLog(/reeve is back/, { from });
    }
    expect(isAlive(init)).toBe(true);
    expect((await supervisor.stop()).code).toBe(0);
    expect(isAlive(target)).toBe(true);
    expect(scope.read("seen")).not.toContain("signal");
  },
  60,
);

check(
  "a smart2 daemon whose directory is exchanged for a link out, as fast as it goes: its pidfile is written inside or not at all",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["exchange_paths"]);
    const outside = scope.directoryFor("outside");
    writeFileSync(`${outside}/pid`, "as it was");
    mkdirSync(scope.path("root/run/way"));
    symlinkSync(outside, scope.path("root/run/out"));
    const before = lstatSync(`${outside}/pid`, { bigint: true }).ctimeNs;
    const { supervisor } = await up(scope, [
      "attach-daemon = exchange_paths /run/way /run/out",
      "attach-daemon2 = name=two,cmd=sleep 85011,pidfile=/run/way/pid,daemonize=1,max_throttle=1",
    ]);
    const daemons = (): ReturnType<typeof allProcesses> =>
      allProcesses().filter((one) => one.state !== "Z" && commandLine(one.pid).join(" ") === "sleep 85011");
    // Each attempt finds the directory or the link, as chance has it: either will do.
    const attempts = (): number => supervisor.log().match(/two: (?:re)?spawning|cannot start/g)?.length ?? 0;
    await until("four attempts", () => {
      for (const daemon of daemons()) signal(daemon, "SIGKILL");
      return attempts() >= 4;
    }, { seconds: 30, explain: () => supervisor.log() });
    expect((await supervisor.stop()).code).toBe(0);
    expect(readdirSync(outside)).toEqual(["pid"]);
    expect([readFileSync(`${outside}/pid`, "utf8"), lstatSync(`${outside}/pid`, { bigint: true }).ctimeNs])
      .toEqual([
        "as it was",
        before,
      ]);
  },
  60,
);

check(
  "hooks that write where the jail has put links out: what they name is inside, or it is an error",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    const outside = scope.directoryFor("outside");
    scope.write("outside/file", "as it was");
    symlinkSync(`${outside}/file`, scope.path("root/tmp/file"));
    symlinkSync("../../../../../../../..", scope.path("root/tmp/up"));
    mkdirSync(scope.path("root", outside), { recursive: true });
    const { supervisor } = await up(scope, [
      "hook-as-root = write:/tmp/file inside",
      `hook-as-root = append:/tmp/up${outside}/file .`,
      `hook-as-root = mkdir:../../../..${outside}/made`,
      "attach-daemon = sleep 85021",
    ]);
    expect((await supervisor.stop()).code).toBe(0);
    expect(readFileSync(scope.path("root", outside, "file"), "utf8")).toBe("inside.");
    expect(readdirSync(scope.path("root", outside)).sort()).toEqual(["file", "made"]);
    expect(readdirSync(outside)).toEqual(["file"]);
    expect(scope.read("outside/file")).toBe("as it was");
    // A setting of the kernel of the whole host, by a link of the jail.
    symlinkSync("/proc/sys/kernel/core_pattern", scope.path("root/tmp/pattern"));
    const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    const config = scope.config([
      `namespace = ${scope.path("root")}`,
      "hook-as-root = write:/tmp/pattern |/bin/evil",
    ]);
    const { code, output } = await scope.run([REEVE, config]);
    expect(code).toBe(1);
    expect(output).toContain(
      'cannot write to "/tmp/pattern": it leads to a device or to a file of the kernel, which is not the jail\'s',
    );
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(pattern);
  },
);

check(
  "events without end: a jail that changes what is watched all the time neither stops reeve nor heats it",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["exchange_paths"]);
    mkdirSync(scope.path("root/run/a/b/c"), { recursive: true });
    mkdirSync(scope.path("root/run/z/b/c"), { recursive: true });
    for (const name of ["a/b/c/flag", "z/b/c/flag", "a/pid", "z/pid"]) {
      writeFileSync(
        scope.path("root/run", name),
        "x",
      );
    }
    const { supervisor } = await up(scope, [
      "attach-daemon = exchange_paths /run/a /run/z /run/a/b/c/flag /run/z/b/c/flag",
      "attach-daemon2 = name=touched,cmd=sleep 85031,touch=/run/a/b/c/flag",
      "attach-daemon2 = name=smart,cmd=touch /tmp/x,pidfile=/run/a/pid,freq=600",
      "attach-daemon = sleep 85032",
    ]);
    const ticks = (): number => cpuTicks(supervisor.id.pid);
    const started = performance.now();
    const before = ticks();
    await until("a while has passed", () => performance.now() - started > 1500);
    const share = (ticks() - before) * 10 / (performance.now() - started);
    expect(share).toBeLessThan(0.8);
    // It hears what it is told all the while.
    const from = supervisor.log().length;
    supervisor.signal("SIGUSR1");
    await supervisor.untilLog(/command="?sleep 85032/, { from });
    const asked = performance.now();
    expect((await supervisor.stop()).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(8000);
  },
  60,
);

/** Of the CPU, a hundred a second. */
function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
