/**
 * What a host may refuse a program: standard streams, system calls. reeve works all the same, or does without
 * and says so in one line.
 */
import { describe, expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import { check, program, REEVE, reeve } from "./need.ts";
import { until } from "./wait.ts";

describe("standard streams", () => {
  const cases = {
    "stdin closed": "<&-",
    "stdout and stderr closed": ">&- 2>&-",
    "all closed": "<&- >&- 2>&-",
  };
  for (const [name, redirections] of Object.entries(cases)) {
    check(`${name}: the daemon runs, and stops with reeve`, [reeve], async (scope) => {
      const config = scope.config([`attach-daemon = ${fixture("hang")} ${scope.path("pid")}`]);
      const wrap = ["sh", "-c", `exec "$@" ${redirections}`, "sh"];
      const supervisor = scope.reeve(config, { wrap });
      await scope.untilFile("pid", /^\d+\n/);
      expect((await supervisor.stop()).code).toBe(0);
      expect(scope.matching(/hang/)).toEqual([]);
    });
  }
});

const ENOSYS = 38;
const EPERM = 1;

describe("refused system calls", () => {
  const refusals: readonly (readonly [number, string])[] = [
    [ENOSYS, "clone3"],
    [EPERM, "clone3"],
    [ENOSYS, "pidfd_open pidfd_send_signal"],
    [EPERM, "pidfd_open pidfd_send_signal"],
    [ENOSYS, "clone3 pidfd_open pidfd_send_signal close_range openat2"],
    [EPERM, "clone3 pidfd_open pidfd_send_signal close_range openat2"],
    [EPERM, "memfd_create"],
    [ENOSYS, "inotify_init1"],
  ];
  for (const [errno, calls] of refusals) {
    const refuse = [fixture("refuse_calls"), String(errno), ...calls.split(" "), "--"];
    const how = errno === ENOSYS ? "with ENOSYS" : "with EPERM";

    check(
      `${calls} ${how}: daemons run, come back, are adopted and stop`,
      [reeve, program("sh")],
      async (scope) => {
        const hang = fixture("hang");
        const config = scope.config([
          `attach-daemon2 = name=dumb,cmd=${hang} ${scope.path("dumb")}`,
          `attach-daemon2 = name=smart,cmd=${hang} ${scope.path("started")},pidfile=${
            scope.path("smart.pid")
          },daemonize=1`,
        ]);
        const first = scope.reeve(config, { wrap: refuse });
        await first.untilLog(/reeve is up/);
        await scope.untilFile("started", /^\d+\n/);
        const pid = Number((await scope.untilFile("dumb", /^\d+\n/))[0]);
        process.kill(pid, "SIGKILL");
        await until("the dumb daemon has come back", () => ![`${pid}\n`, ""].includes(scope.read("dumb")));
        const smart = scope.read("smart.pid");
        expect((await first.stop()).code).toBe(0);

        const second = scope.reeve(config, { wrap: refuse });
        await second.untilLog(/reeve is up/);
        await second.untilLog(/smart.*(adopt|found|already|valid)/i);
        expect(scope.read("smart.pid")).toBe(smart);
        expect((await second.stop()).code).toBe(0);
      },
    );

    check(`${calls} ${how}: reeve doctor says so and exits with 0`, [reeve], async (scope) => {
      const { code, output } = await scope.run([...refuse, REEVE, "doctor"]);
      expect(code).toBe(0);
      expect(output).toContain("reeve works here, without: ");
    });
  }
});
