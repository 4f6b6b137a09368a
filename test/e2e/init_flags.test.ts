/**
 * `reeve [FLAG...] -- COMMAND` with the flags that people bring from tini and dumb-init; and what it is while
 * COMMAND runs: a small init, in the same process, that has started no runtime. Each flag both ways: as the
 * stub reads it, and as the runtime does where a variable of uWSGI stands beside it.
 */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, StartOptions } from "./harness.ts";
import { check, type Need, pidNamespace, REEVE, reeve, root } from "./need.ts";
import { identify, inspect, link, signal } from "./process.ts";
import { until } from "./wait.ts";

interface Way {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly options: StartOptions;
}

/** Skipped as an option of an application server; but a variable that may mean something. */
const VARIABLE = { UWSGI_PROCESSES: "4" };
const WAYS: readonly Way[] = [
  { name: "by the stub", needs: [reeve], options: {} },
  { name: "by the stub, as PID 1", needs: [reeve, pidNamespace], options: { firstProcess: true } },
  { name: "by the runtime", needs: [reeve], options: { environment: VARIABLE } },
];

const EXIT_CODES: readonly (readonly [readonly string[], number, number])[] = [
  [["-e", "143"], 143, 0],
  [["-e143"], 143, 0],
  [["-e", "143"], 142, 142],
  [["-e", "7", "-e", "9"], 9, 0],
  [["-ge7"], 7, 0],
  [["-e", "255"], 255, 0],
  [["-e", "0"], 0, 0],
  [["-s", "-g"], 3, 3],
  [["-sg", "-p", "SIGKILL"], 3, 3],
  [["-p", "TERM"], 3, 3],
];

/** Starts a COMMAND that records its signals, and waits until it can. */
async function record(scope: Scope, flags: readonly string[], options: StartOptions) {
  const supervisor = scope.reeve([...flags, "--", fixture("record_signals"), scope.path("signals")], options);
  await scope.untilFile("signals", /^ready /m);
  if (options.firstProcess === true) await supervisor.untilFirstProcess();
  return supervisor;
}

for (const { name, needs, options } of WAYS) {
  for (const [flags, code, expected] of EXIT_CODES) {
    check(`${name}: ${flags.join(" ")} makes ${expected} of ${code}`, needs, async (scope) => {
      const exit = await scope.reeve([...flags, "--", fixture("exit_with"), `${code}`], options).untilExit();
      expect(exit.code).toBe(expected);
    });
  }

  check(`${name}: -e counts for a death of a signal`, needs, async (scope) => {
    const words = ["-e", "143", "--", fixture("crash_at_once"), "15"];
    expect((await scope.reeve(words, options).untilExit()).code).toBe(0);
  });

  for (
    const flags of [["-r", "15:12"], ["-r15:USR2"], ["--rewrite", "TERM:12"], ["--rewrite=SIGTERM:SIGUSR2"]]
  ) {
    check(`${name}: ${flags.join(" ")} tells COMMAND USR2 in the place of TERM`, needs, async (scope) => {
      const supervisor = await record(scope, flags, options);
      supervisor.signal("SIGTERM");
      await scope.untilFile("signals", /^signal 12$/m);
      expect(scope.read("signals")).not.toMatch(/^signal 15$/m);
      // What COMMAND does then is its own affair: it is ended by what is not rewritten.
      supervisor.signal("SIGINT");
      await scope.untilFile("signals", /^signal 2$/m);
    });
  }

  check(`${name}: a signal rewritten to 0 is not passed on`, needs, async (scope) => {
    const supervisor = await record(scope, ["-r", "10:0"], options);
    supervisor.signal("SIGUSR1");
    supervisor.signal("SIGUSR2");
    await scope.untilFile("signals", /^signal 12$/m);
    supervisor.signal("SIGTERM");
    expect((await supervisor.untilExit()).code).toBe(0);
    expect(scope.read("signals")).not.toMatch(/^signal 10$/m);
  });

  check(`${name}: -v says what happens, -w says what is reaped`, needs, async (scope) => {
    const script = "(sleep 0.02 & echo) > /dev/null; sleep 0.3; exit 5";
    const exit = await scope.reeve(["-vw", "--", "sh", "-c", script], options).untilExit();
    expect(exit.code).toBe(5);
    expect(exit.output).toMatch(/^reeve: started "sh" \(pid \d+\)$/m);
    expect(exit.output).toMatch(/^reeve: reaped an orphan \(pid \d+\)$/m);
    expect(exit.output).toMatch(/^reeve: the command ended with code 5$/m);
  });

  for (const flag of ["-c", "--single-child"]) {
    check(
      `${name}: ${flag} leaves COMMAND in reeve's session, and its children their signals`,
      needs,
      async (scope) => {
        const child = `${fixture("record_signals")} ${scope.path("child")}`;
        const script = `trap 'echo told > ${scope.path("told")}' USR1; ${child} & echo $! > ${
          scope.path("pid")
        }; while :; do wait; done`;
        const supervisor = scope.reeve([flag, "--", "sh", "-c", script], options);
        await scope.untilFile("child", /^ready /m);
        const init = options.firstProcess === true ? await supervisor.untilFirstProcess() : supervisor.id;
        const shell = await scope.untilOne(/^sh -c trap/);
        expect(shell.session).toBe(inspect(init.pid)?.session ?? -1);
        supervisor.signal("SIGUSR1");
        await scope.untilFile("told", /told/);
        expect(scope.read("child")).not.toMatch(/^signal/m);
      },
    );
  }

  for (const number of [20, 21, 22]) {
    check(`${name}: signal ${number} stops COMMAND, and CONT lets it go on`, needs, async (scope) => {
      const supervisor = await record(scope, [], options);
      const command = await scope.untilOne(/^\S*record_signals/);
      supervisor.signal(number);
      await until("COMMAND is stopped", () => inspect(command.pid)?.state === "T");
      if (options.firstProcess !== true) {
        await until("reeve is stopped", () => inspect(supervisor.id.pid)?.state === "T");
      }
      supervisor.signal("SIGCONT");
      await scope.untilFile("signals", /^signal 18$/m);
      supervisor.signal("SIGTERM");
      expect((await supervisor.untilExit()).code).toBe(0);
    });
  }

  check(`${name}: the directory that reeve was started in is not kept busy`, needs, async (scope) => {
    const supervisor = scope.reeve(["--", "sh", "-c", `pwd > ${scope.path("pwd")}; exec sleep 86411`], {
      ...options,
      cwd: scope.directoryFor("started"),
    });
    await scope.untilOne(/^sleep 86411/);
    const init = options.firstProcess === true ? await supervisor.untilFirstProcess() : supervisor.id;
    expect(link(init.pid, "cwd")).toBe("/");
    expect(scope.read("pwd")).toBe(`${scope.path("started")}\n`);
  });

  check(`${name}: COMMAND has reeve's environment, unchanged`, needs, async (scope) => {
    const environment = { ...options.environment, NOTIFY_SOCKET: "/run/x", A: "1" };
    const exit = await scope.reeve(["--", "env"], { ...options, environment }).untilExit();
    const lines = exit.output.trim().split("\n");
    expect(lines).toContain("NOTIFY_SOCKET=/run/x");
    expect(lines.filter((line) => /^(UWSGI_|REEVE_INTERNAL|BUN_)/.test(line))).toEqual(
      options.environment === undefined ? [] : ["UWSGI_PROCESSES=4"],
    );
  });
}

check("-p sends its signal when reeve's parent ends", [reeve], async (scope) => {
  const words = `${REEVE} -p USR1 -- ${fixture("record_signals")} ${scope.path("signals")}`;
  const parent = scope.start(["sh", "-c", `${words} & read line`], { stdin: "pipe" });
  await scope.untilFile("signals", /^ready /m);
  signal(parent.id, "SIGKILL");
  await scope.untilFile("signals", /^signal 10$/m);
});

check(
  "words that are no such flags are what they were: options, and a value is never --",
  [reeve],
  async (scope) => {
    for (
      const [words, says] of [
        [["-p", "4", "-v", "--", "true"], /-v/],
        [["--socket", "--", "true"], /"--socket" needs a value/],
        [["-e", "--", "true"], /-e|needs a value/],
        [["-r", "15", "--", "true"], /-r/],
        [["-g", "--"], /must be followed by a command/],
      ] as const
    ) {
      const exit = await scope.reeve(words).untilExit();
      expect(`${words.join(" ")}: ${exit.code} ${exit.output}`).toMatch(says);
      expect(exit.code).toBe(2);
    }
    expect((await scope.reeve(["--", "true"]).untilExit()).code).toBe(0);
    expect((await scope.reeve(["-s", "--", "true"]).untilExit()).code).toBe(0);
  },
);

check("beside daemons of variables a flag that asks for something is refused", [reeve], async (scope) => {
  const options = { environment: { UWSGI_ATTACH_DAEMON: "sleep 86412" } };
  const exit = await scope.reeve(["-g", "-e", "143", "--", "true"], options).untilExit();
  expect(exit.code).toBe(2);
  expect(exit.output).toContain('cannot use "-e" beside a configuration');
});

check("signals that were blocked and ignored are so for COMMAND", [reeve], async (scope) => {
  const python =
    "import os,signal,sys; signal.signal(22, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN); " +
    "signal.pthread_sigmask(signal.SIG_BLOCK, [15, 21]); os.execv(sys.argv[1], sys.argv[1:])";
  const words = ["python3", "-c", python, REEVE, "--", "cat", "/proc/self/status"];
  const { output } = await scope.run(words);
  const of = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)$`, "m").exec(output)?.[1]}`);
  expect(of("SigBlk")).toBe(1n << 14n | 1n << 20n);
  expect(of("SigIgn") & (1n << 21n | 1n << 1n)).toBe(1n << 21n | 1n << 1n);
  expect((await scope.reeve(["--", "sh", "-c", "kill -s INT $$; exit 3"]).untilExit()).code).toBe(130);
});

check("descriptors that reeve was given are COMMAND's", [reeve], async (scope) => {
  scope.write("given", "a line\n");
  const wrap = ["sh", "-c", 'exec 7<"$0"; exec "$@"', scope.path("given")];
  const exit = await scope.reeve(["--", "sh", "-c", "cat <&7"], { wrap }).untilExit();
  expect(exit).toEqual({ code: 0, output: "a line\n" });
});

check("no runtime is started: a few pages of the executable, and a stack", [reeve], async (scope) => {
  const supervisor = scope.reeve(["--", fixture("hang"), scope.path("pid")]);
  await scope.untilFile("pid", /\d/);
  const { pid } = supervisor.id;
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8").trim().split("\n").map((line) =>
    line.split(/\s+/)[5]
  );
  expect(maps.filter((name) => name !== undefined && !/^\[/.test(name))).toEqual([REEVE]);
  const resident = Number(/^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  expect(resident).toBeGreaterThan(0);
  expect(resident).toBeLessThanOrEqual(40);
  supervisor.signal("SIGTERM");
  expect((await supervisor.untilExit()).code).toBe(143);
});

check("a root without /proc is no obstacle", [reeve, root, pidNamespace], async (scope) => {
  const directory = scope.directoryFor("root");
  scope.write("root/reeve", "");
  scope.write("root/exit_with", readFileSync(fixture("exit_with")), 0o755);
  const script = 'mount --bind "$0" "$0" && mount --bind "$1" "$0/reeve" && shift && exec chroot "$0" "$@"';
  const wrap = ["unshare", "--mount", "sh", "-c", script, directory, REEVE];
  const exit = await scope.start(["/reeve", "-e", "8", "--", "/exit_with", "9"], { wrap }).untilExit();
  expect(exit).toEqual({ code: 9, output: "" });
});

check("a program that is gone by then is still known by its end", [reeve], async (scope) => {
  // The first to end is COMMAND itself, before its init has looked for it.
  const exits = await Promise.all(Array.from({ length: 20 }, () => scope.reeve(["--", "true"]).untilExit()));
  expect(exits.map(({ code }) => code)).toEqual(exits.map(() => 0));
  expect(identify(process.pid)).not.toBeNull();
});
