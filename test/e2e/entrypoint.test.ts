/**
 * The container's entrypoint form, `reeve -- COMMAND`, as PID 1 of a namespace and as an ordinary process: as
 * transparent as tini and dumb-init, and no orphan left when it ends.
 */
import { expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, StartOptions } from "./harness.ts";
import { check, type Need, pidNamespace, REEVE, reeve } from "./need.ts";
import { isAlive, signal } from "./process.ts";
import { until } from "./wait.ts";

interface Place {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly options: StartOptions;
}

const PLACES: readonly Place[] = [
  { name: "as PID 1", needs: [reeve, pidNamespace], options: { firstProcess: true } },
  { name: "not as PID 1", needs: [reeve], options: {} },
];

/**
 * What reaches COMMAND: number and name. Signals that the kernel raises for faults are left out: they are the
 * runtime's own.
 */
const FORWARDED: readonly [number, string][] = [
  [1, "HUP"],
  [2, "INT"],
  [3, "QUIT"],
  [10, "USR1"],
  [12, "USR2"],
  [14, "ALRM"],
  [18, "CONT"],
  [23, "URG"],
  [28, "WINCH"],
];

async function inBatches<T>(
  all: readonly T[],
  atOnce: number,
  run: (one: T) => Promise<void>,
): Promise<void> {
  const left = [...all];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await run(one);
  }));
}

async function untilRecording(scope: Scope, options: StartOptions) {
  const supervisor = scope.reeve(["--", fixture("record_signals"), scope.path("signals")], options);
  await scope.untilFile("signals", /^ready /m);
  if (options.firstProcess === true) await supervisor.untilFirstProcess();
  return supervisor;
}

for (const { name, needs, options } of PLACES) {
  check(`${name}: COMMAND's exit code is reeve's, each of 256`, needs, async (scope) => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const wrong: string[] = [];
    // As an ordinary process nothing stands between the two codes but the runtime, and in another root it is
    // the same code: every tenth will do.
    const tried = options.firstProcess === true && process.env["REEVE_ROOT"] === undefined
      ? codes
      : codes.filter((code) => code % 10 === 0 || code > 250);
    await inBatches(tried, 4, async (code) => {
      const exit = await scope.reeve(["--", fixture("exit_with"), `${code}`], options).untilExit(60);
      if (exit.code !== code) wrong.push(`${code} became ${exit.code}: ${exit.output}`);
    });
    expect(wrong).toEqual([]);
  }, 120);

  check(`${name}: COMMAND's death of a signal is 128 and the signal`, needs, async (scope) => {
    for (const number of [6, 9, 11, 15]) {
      const exit = await scope.reeve(["--", fixture("crash_at_once"), `${number}`], options).untilExit();
      expect(exit.code).toBe(128 + number);
    }
  });

  check(
    `${name}: 127 when COMMAND does not exist, 126 when it cannot be executed, with the reason`,
    needs,
    async (scope) => {
      const absent = await scope.reeve(["--", "/no/such/program"], options).untilExit();
      expect(absent.code).toBe(127);
      expect(absent.output).toContain("/no/such/program");
      expect((await scope.reeve(["--", "no-such-program-on-path"], options).untilExit()).code).toBe(127);
      const plain = scope.write("plain", "not executable", 0o644);
      const refused = await scope.reeve(["--", plain], options).untilExit();
      expect(refused.code).toBe(126);
      expect(refused.output).toContain("ermission denied");
    },
  );

  check(`${name}: every signal reaches COMMAND`, needs, async (scope) => {
    const supervisor = await untilRecording(scope, options);
    for (const [number] of FORWARDED) {
      supervisor.signal(number);
      await scope.untilFile("signals", new RegExp(`^signal ${number}$`, "m"));
    }
    supervisor.signal("SIGTERM");
    expect((await supervisor.untilExit()).code).toBe(0);
    expect(scope.read("signals")).toContain("signal 15\n");
  });

  check(`${name}: every signal reaches COMMAND once`, needs, async (scope) => {
    const supervisor = await untilRecording(scope, options);
    for (let count = 1; count <= 20; count++) {
      supervisor.signal("SIGUSR1");
      await until(`signal ${count}`, () => scope.read("signals").split("signal 10\n").length - 1 === count);
    }
    supervisor.signal("SIGTERM");
    await supervisor.untilExit();
    expect(scope.read("signals").split("signal 10\n").length - 1).toBe(20);
  });

  check(`${name}: TERM ends a COMMAND that does not handle it, and the code is 143`, needs, async (scope) => {
    const supervisor = scope.reeve(["--", fixture("hang"), scope.path("pid")], options);
    await scope.untilFile("pid", /\d/);
    if (options.firstProcess === true) await supervisor.untilFirstProcess();
    supervisor.signal("SIGTERM");
    expect((await supervisor.untilExit()).code).toBe(143);
  });

  check(`${name}: stdin is COMMAND's`, needs, async (scope) => {
    const supervisor = scope.reeve(["--", "head", "-n", "1"], { ...options, stdin: "pipe" });
    supervisor.write("a line for the command\n");
    expect(await supervisor.untilExit()).toEqual({ code: 0, output: "a line for the command\n" });
  });

  check(`${name}: orphans are reaped while COMMAND runs`, needs, async (scope) => {
    // Ends only once nothing is left of them, zombies neither.
    const exit = await scope.reeve(["--", fixture("make_orphans"), "500"], options).untilExit(30);
    expect(exit.code).toBe(0);
    expect(exit.output).toContain("500");
  }, 60);

  check(`${name}: what COMMAND leaves behind is told to stop before reeve ends`, needs, async (scope) => {
    const script = `trap 'echo told >> ${scope.path("told")}; exit 0' TERM; echo ready > ${
      scope.path("ready")
    }; while :; do sleep 0.05; done`;
    scope.write("orphan", `#!/bin/sh\n${script}\n`, 0o755);
    const leave = `setsid ${scope.path("orphan")} & while ! test -s ${
      scope.path("ready")
    }; do sleep 0.01; done; exit 9`;
    const exit = await scope.reeve(["--", "sh", "-c", leave], options).untilExit();
    expect(exit.code).toBe(9);
    expect(scope.read("told")).toBe("told\n");
    expect(scope.matching(/orphan/)).toEqual([]);
  });

  check(
    `${name}: what COMMAND leaves behind and ignores TERM is killed after its grace`,
    needs,
    async (scope) => {
      const exit = await scope.reeve(
        ["--", fixture("leave_child_behind"), "3", "ignore", scope.path("pids")],
        options,
      )
        .untilExit(30);
      expect(exit.code).toBe(7);
      expect(scope.read("pids").trim().split("\n").length).toBe(3);
      expect(scope.matching(/leave_child_behind/)).toEqual([]);
    },
    60,
  );
}

check("signals reach COMMAND's whole group", [reeve], async (scope) => {
  const supervisor = scope.reeve([
    "--",
    "sh",
    "-c",
    `${fixture("record_signals")} ${scope.path("signals")} & wait; wait`,
  ]);
  await scope.untilFile("signals", /^ready /m);
  supervisor.signal("SIGUSR2");
  await scope.untilFile("signals", /^signal 12$/m);
});

check(
  "beside a configuration TERM stops the instance, and WINCH and USR1 go to COMMAND",
  [reeve],
  async (scope) => {
    const config = scope.config(["attach-daemon = sleep 86398"]);
    const supervisor = scope.reeve([config, "--", fixture("record_signals"), scope.path("signals")]);
    await scope.untilFile("signals", /^ready /m);
    await scope.untilOne(/^sleep 86398/);
    supervisor.signal("SIGWINCH");
    await scope.untilFile("signals", /^signal 28$/m);
    supervisor.signal("SIGUSR1");
    await scope.untilFile("signals", /^signal 10$/m);
    supervisor.signal("SIGTERM");
    await supervisor.untilExit();
    expect(scope.read("signals")).toContain("signal 15");
    expect(scope.read("signals")).not.toContain("signal 18\n");
    expect(scope.matching(/^sleep 86398/)).toEqual([]);
  },
);

check(
  "beside a configuration the exit code of COMMAND is reeve's and the daemons are stopped",
  [reeve],
  async (scope) => {
    const config = scope.config(["attach-daemon = sleep 86397"]);
    scope.write(
      "command",
      `#!/bin/sh\nwhile ! test -e ${scope.path("go")}; do sleep 0.02; done; exit 42\n`,
      0o755,
    );
    const supervisor = scope.reeve([config, "--", scope.path("command")]);
    const daemon = await scope.untilOne(/^sleep 86397/);
    scope.write("go", "");
    expect((await supervisor.untilExit()).code).toBe(42);
    expect(isAlive(daemon)).toBe(false);
  },
);

check("KILL of the core, again and again: PID 1 starts the next one, and no daemon is touched", [
  reeve,
  pidNamespace,
], async (scope) => {
  const pidfile = scope.path("smart.pid");
  const smartly = `smart-attach-daemon = ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`;
  const config = scope.config([smartly, "attach-daemon = sleep 86396"]);
  const supervisor = scope.reeve(config, { firstProcess: true });
  const first = await supervisor.untilFirstProcess();
  const dumb = await scope.untilOne(/^sleep 86396/);
  await scope.untilFile("smart.pid", /\d/); // then what it was forked from is gone, or about to
  const smart = await scope.untilOne(/daemonize_with_pidfile/);
  await supervisor.untilLog(/reeve is up/);
  for (let round = 0; round < 4; round++) {
    const from = supervisor.log().length;
    signal(await supervisor.untilCore(), "SIGKILL");
    await supervisor.untilLog(/the core died of KILL; the next one goes on/, { from, seconds: 30 });
    await supervisor.untilLog(/reeve is back/, { from });
    expect([first, dumb, smart].map(isAlive)).toEqual([true, true, true]);
  }
  expect(scope.matching(/daemonize_with_pidfile/).map((one) => one.pid)).toEqual([smart.pid]);
  // It is supervised: its end is seen, and its place taken.
  signal(dumb, "SIGKILL");
  await until("another one", () => scope.matching(/^sleep 86396/).find((one) => one.pid !== dumb.pid));
  supervisor.signal("SIGTERM");
  expect((await supervisor.untilExit()).code).toBe(0);
}, 90);

check(
  "as PID 1 with a configuration HUP reloads and TERM stops with 0",
  [reeve, pidNamespace],
  async (scope) => {
    const supervisor = scope.reeve(scope.config(["attach-daemon = sleep 86361"]), { firstProcess: true });
    const first = await supervisor.untilFirstProcess();
    const daemon = await scope.untilOne(/^sleep 86361/);
    supervisor.signal("SIGHUP");
    await until(
      "the reloaded daemon",
      () => scope.matching(/^sleep 86361/).find((one) => one.pid !== daemon.pid),
    );
    expect(isAlive(first)).toBe(true);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

/** Types into a shell under `reeve -- bash` on a terminal of its own and waits for what it shows. */
async function onTerminal(
  scope: Scope,
  wrap: readonly string[],
  body: (type: (text: string, shows: RegExp) => Promise<void>) => Promise<void>,
): Promise<number> {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...wrap, REEVE, "--", "bash", "--norc", "--noprofile", "-i"], {
    env: { ...scope.environment, PS1: "ready> ", TERM: "dumb" },
    cwd: scope.directory,
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
    },
  });
  const explain = () => JSON.stringify(shown);
  await until("the shell's prompt", () => shown.includes("ready> "), { explain });
  await body(async (text, shows) => {
    const from = shown.length;
    child.terminal?.write(text);
    await until(`the terminal shows ${shows}`, () => shows.test(shown.slice(from)), { explain });
  });
  expect(shown).not.toContain("no job control");
  expect(shown).not.toContain("cannot set terminal process group");
  return await Promise.race([
    child.exited,
    until("the shell's end", () => child.exitCode, { explain }).then(() => child.exitCode ?? -1),
  ]);
}

for (
  const [name, needs, wrap] of [
    ["not as PID 1", [reeve], []],
    ["as PID 1", [reeve, pidNamespace], ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]],
  ] as const
) {
  check(
    `${name}: a shell on a terminal has job control, and Ctrl-C reaches its job and not reeve`,
    needs,
    async (scope) => {
      const code = await onTerminal(scope, wrap, async (type) => {
        await type("sleep 86395\r", /sleep 86395/);
        await scope.untilOne(/^sleep 86395/);
        await type("\x03", /ready> /);
        await until("the job is gone", () => scope.matching(/^sleep 86395/).length === 0);
        await type("sleep 86394\r", /sleep 86394/);
        const job = await scope.untilOne(/^sleep 86394/);
        await type("\x1a", /Stopped/);
        await until("the job is stopped", () => scope.matching(/^sleep 86394/)[0]?.state === "T");
        await type("bg\r", /ready> /);
        await until("the job runs in the background", () => scope.matching(/^sleep 86394/)[0]?.state === "S");
        await type("kill %1; wait; echo job-$((40+2))\r", /job-42/);
        await until("the job is gone", () => !isAlive(job));
        await type("exit 3\r", /exit/);
      });
      expect(code).toBe(3);
    },
  );
}
