/** What the end of one of reeve's own processes costs: the core's nothing, the keeper's the dumb daemons. */
import { expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, program, reeve, root } from "./need.ts";
import { isAlive, pidIn, type ProcessId, signal } from "./process.ts";
import { until } from "./wait.ts";

const setsid = program("setsid", "util-linux");

/** A smart daemon beside three dumb ones, one of another user, one that has forked into another session. */
function configuration(scope: Scope): string {
  const pidfile = scope.path("smart.pid");
  const other = scope.write(
    "other",
    "#!/bin/sh\nsetsid sleep 79103 &\nexec sleep 79102\n",
    0o755,
  );
  return scope.config([
    `smart-attach-daemon = ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`,
    "attach-daemon2 = name=one,cmd=sleep 79101",
    `attach-daemon2 = name=other,cmd=${other}`,
    "attach-daemon2 = name=deaf,cmd=sleep 79104,uid=54352",
  ]);
}

async function started(scope: Scope): Promise<
  { readonly supervisor: Supervisor; readonly dumb: readonly ProcessId[]; readonly smart: ProcessId }
> {
  const supervisor = scope.reeve(configuration(scope));
  await supervisor.untilLog(/reeve is up/);
  const dumb = [];
  for (const seconds of [79101, 79102, 79103, 79104]) {
    dumb.push(await scope.untilOne(new RegExp(`^sleep ${seconds}`)));
  }
  await scope.untilFile("smart.pid", /\d/);
  const smart = await scope.untilOne(/daemonize_with_pidfile/);
  await supervisor.untilLog(/running \(pid: \d+\)/);
  return { supervisor, dumb, smart };
}

const NEEDS = [reeve, root, setsid];

check("a core that is killed at any moment costs no daemon, and no end is missed", NEEDS, async (scope) => {
  const { supervisor, dumb, smart } = await started(scope);
  const [first, ...others] = dumb;
  let victim: ProcessId = first!;
  for (let round = 0; round < 3; round++) {
    const from = supervisor.log().length;
    const core = await supervisor.untilCore();
    // Either dies first: the end of the one is told to the next of the other.
    for (const one of round % 2 === 0 ? [core, victim] : [victim, core]) signal(one, "SIGKILL");
    await supervisor.untilLog(/the core died of KILL; the next one goes on, no daemon was touched/, {
      from,
      seconds: 30,
    });
    const before = victim;
    victim = await until("its place is taken", () => {
      const [now, ...more] = scope.matching(/^sleep 79101/);
      return now !== undefined && more.length === 0 && now.pid !== before.pid ? now : null;
    }, { explain: () => scope.explain(), seconds: 30 });
    expect([...others, smart].map(isAlive)).toEqual([true, true, true, true]);
  }
  expect((await supervisor.stop()).code).toBe(0);
  expect([...others, victim].map(isAlive)).toEqual([false, false, false, false]);
}, 90);

for (const state of ["awake", "stopped", "dead and in its pause"] as const) {
  check(
    `a kill of reeve ends every dumb daemon, whosever it is; its core is ${state}`,
    NEEDS,
    async (scope) => {
      const { supervisor, dumb, smart } = await started(scope);
      if (state === "stopped") signal(await supervisor.untilCore(), "SIGSTOP");
      if (state === "dead and in its pause") {
        signal(await supervisor.untilCore(), "SIGKILL");
        await supervisor.untilLog(/reeve is back/);
        const second = await supervisor.untilCore();
        signal(second, "SIGKILL");
        await until("it is dead", () => !isAlive(second));
      }
      const core = scope.coreOf(supervisor.id);
      await supervisor.kill();
      await until("they are gone", () => !dumb.some(isAlive) && (core === null || !isAlive(core)), {
        explain: () => scope.explain(),
      });
      expect(isAlive(smart)).toBe(true);
      const next = scope.reeve(scope.path("test.ini"));
      await next.untilLog(new RegExp(`found valid/active pidfile.*\\(pid: ${smart.pid}\\)`));
      await next.untilLog(/reeve is up/);
      expect(pidIn(scope.path("smart.pid"))).toBe(smart.pid);
      expect((await next.stop()).code).toBe(0);
    },
  );
}

check("a core that hangs does not keep a stop from being carried out", NEEDS, async (scope) => {
  const { supervisor, dumb, smart } = await started(scope);
  const core = await supervisor.untilCore();
  signal(core, "SIGSTOP");
  const { code, output } = await supervisor.stop();
  expect(code).toBe(0);
  expect(output).toContain("the core did not answer its keeper and was killed; the next one goes on");
  expect([core, ...dumb].some(isAlive)).toBe(false);
  expect(isAlive(smart)).toBe(true);
});

check("a second that is killed is there again", [reeve], async (scope) => {
  const supervisor = scope.reeve(scope.config(["attach-daemon = sleep 79105"]));
  await supervisor.untilLog(/reeve is up/);
  const before = await scope.untilOne(/^rv-second/);
  signal(before, "SIGKILL");
  await until("another one", () => scope.matching(/^rv-second/).some(({ pid }) => pid !== before.pid));
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.matching(/^rv-second/)).toEqual([]);
});
