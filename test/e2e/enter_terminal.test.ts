/** `reeve enter` on a terminal: job control, what is typed and shown, and what is not within reach. */
import { describe, expect } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Scope } from "./harness.ts";
import { busyboxRoot } from "./jail_root.ts";
import { expectMountsKept, untilRunning } from "./jail_scene.ts";
import { check, REEVE } from "./need.ts";
import { isAlive, link, openFiles } from "./process.ts";
import { until } from "./wait.ts";
import { jailed, jailedAgain, NEEDS } from "./enter_scene.ts";

expectMountsKept();

/**
 * A person's terminal, on which `reeve enter` runs; `stty` before and after tells whether it is what it was.
 */
async function onTerminal(
  scope: Scope,
  words: readonly string[],
  body: (seat: {
    readonly type: (text: string, shows: RegExp) => Promise<void>;
    readonly resize: (columns: number, rows: number) => void;
    readonly hangUp: () => void;
  }) => Promise<void>,
  redirect = "",
): Promise<{ readonly code: number; readonly shown: string }> {
  let shown = "";
  const decoder = new TextDecoder();
  const settings = "stty -g | cksum | sed s/^/settings:/";
  const script = `${settings}; "$@" ${redirect}; code=$?; ${settings}; echo "code $code."`;
  const child = Bun.spawn(
    ["sh", "-c", script, "sh", REEVE, "enter", "-c", scope.path("test.ini"), ...words],
    {
      env: { ...scope.environment, TERM: "dumb" },
      cwd: scope.directory,
      terminal: {
        cols: 80,
        rows: 24,
        data: (_terminal, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
      },
    },
  );
  const explain = (): string => JSON.stringify(shown);
  await body({
    type: async (text, shows) => {
      const from = shown.length;
      child.terminal?.write(text);
      await until(`the terminal shows ${shows}`, () => shows.test(shown.slice(from)), { explain });
    },
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    hangUp: () => child.terminal?.close(),
  });
  await until("it has ended", () => child.exitCode !== null || child.signalCode !== null, { explain });
  const code = Number(/code (\d+)\./.exec(shown)?.[1] ?? -1);
  return { code, shown };
}

function sameSettings(shown: string): void {
  const sums = shown.match(/settings:\d+ \d+/g) ?? [];
  expect(sums).toHaveLength(2);
  expect(sums[0]).toBe(sums[1]!);
}

describe("reeve enter on a terminal", () => {
  check("a shell with job control on a terminal of the jail's own", NEEDS, async (scope) => {
    symlinkSync("busybox", `${busyboxRoot(scope)}/bin/tty`);
    for (const name of ["stty", "ps"]) symlinkSync("busybox", scope.path("root/bin", name));
    await jailedAgain(scope, ["attach-daemon = sleep 92001"]);
    const { code, shown } = await onTerminal(scope, [], async ({ type, resize }) => {
      await type("", /# /);
      await type("tty\r", /\/dev\/pts\/0/);
      await type("stty size\r", /24 80/);
      resize(100, 40);
      await type("while [ \"$(stty size)\" != '40 100' ]; do :; done; echo re-$((40+2))\r", /re-42/);
      await type("sleep 92002\r", /sleep 92002/);
      const job = await untilRunning(/^sleep 92002$/);
      await type("\x03", /# /);
      await until("the job is gone", () => !isAlive(job));
      await type("ls /proc/self/fd; echo fds-$((40+2))\r", /fds-42/);
      await type("exit 9\r", /code/);
    });
    expect(code).toBe(9);
    expect(shown).not.toContain("job control");
    sameSettings(shown);
  });

  check(
    "a daemon's user can open the terminal by its name; output to its last byte",
    NEEDS,
    async (scope) => {
      busyboxRoot(scope);
      for (const name of ["tty", "seq"]) symlinkSync("busybox", scope.path("root/bin", name));
      await jailedAgain(scope, ["uid = guest", "gid = guest", "attach-daemon = sleep 92011"]);
      const script = "echo by-name > $(tty); seq 20000; exit 6";
      const { code, shown } = await onTerminal(scope, ["--", "sh", "-c", script], () => Promise.resolve());
      expect(code).toBe(6);
      expect(shown).toContain("by-name");
      expect(shown.match(/^\d+\r$/gm)?.at(-1)).toBe("20000\r");
      sameSettings(shown);
    },
  );

  check("a paste larger than any queue, to a program that reads late, is not lost", NEEDS, async (scope) => {
    busyboxRoot(scope);
    for (const name of ["stty", "wc", "head"]) symlinkSync("busybox", scope.path("root/bin", name));
    await jailedAgain(scope, ["attach-daemon = sleep 92021"]);
    const script = "stty raw -echo; echo ready; sleep 0.3; head -c 200000 | wc -c";
    const { code, shown } = await onTerminal(scope, ["--", "sh", "-c", script], async ({ type }) => {
      await type("", /ready/);
      await type("x".repeat(200_000), /200000/);
    });
    expect(code).toBe(0);
    sameSettings(shown);
  });

  check("killed by TERM: the terminal is what it was, and nobody is left inside", NEEDS, async (scope) => {
    await jailed(scope, ["attach-daemon = sleep 92031"]);
    const { code, shown } = await onTerminal(scope, ["--", "sleep", "92032"], async () => {
      const inside = await untilRunning(/^sleep 92032$/);
      process.kill(inside.parent, "SIGTERM");
      await until("it is gone", () => !isAlive(inside));
    });
    expect(code).toBe(143);
    sameSettings(shown);
  });

  check("the person's terminal hangs up: so does the one inside", NEEDS, async (scope) => {
    await jailed(scope, ["attach-daemon = sleep 92041"]);
    await onTerminal(scope, ["--", "sh", "-c", "trap '' TERM; sleep 92042"], async ({ hangUp }) => {
      const inside = await untilRunning(/^sleep 92042$/);
      hangUp();
      await until("it is gone", () => !isAlive(inside));
    });
  });

  check("no terminal of the host is within reach, nor a descriptor of reeve's", NEEDS, async (scope) => {
    await jailed(scope, ["attach-daemon = sleep 92051"]);
    const { shown } = await onTerminal(
      scope,
      ["--", "sh", "-c", "exec 2>/dev/null; sleep 92052; :"],
      async ({ type }) => {
        const inside = await untilRunning(/^sleep 92052$/);
        const files = openFiles(inside.pid);
        expect([...files.keys()]).toEqual([0, 1, 2]);
        // As the host's devpts knows it, or does not: the device is another file system's.
        expect(files.get(0)).toBe("/dev/pts/0");
        expect(link(inside.pid, "ns/mnt")).not.toBe(link(process.pid, "ns/mnt"));
        await type("\x03", /code/);
      },
    );
    sameSettings(shown);
    // Its input is none, and its output is the person's terminal: that goes through a pipe.
    const script = "test -t 1 || test -t 2 || echo no-terminal; exit 4";
    const { code, shown: seen } = await onTerminal(
      scope,
      ["--", "sh", "-c", script],
      () => Promise.resolve(),
      "< /dev/null",
    );
    expect([code, seen.includes("no-terminal")]).toEqual([4, true]);
  });

  check("whatever stands in the place of the jail's devpts is not opened", NEEDS, async (scope) => {
    const rootDirectory = busyboxRoot(scope);
    mkdirSync(`${rootDirectory}/dev/pts`, { recursive: true });
    await jailedAgain(scope, ["namespace-bare = true", "attach-daemon = sleep 92061"]);
    const ptmx = `${rootDirectory}/dev/pts/ptmx`;
    const traps: readonly (() => void)[] = [
      () => makeFifo(ptmx),
      () => symlinkSync("/proc/1/root/dev/ptmx", ptmx),
      () => Bun.spawnSync(["mknod", ptmx, "c", "5", "2"]),
      () => writeFileSync(ptmx, ""),
    ];
    for (const trap of traps) {
      rmSync(ptmx, { force: true });
      trap();
      const { code, shown } = await onTerminal(
        scope,
        ["--", "sh", "-c", "test -t 0 && exit 8"],
        () => Promise.resolve(),
      );
      expect(code).toBe(8);
      sameSettings(shown);
    }
  });
});

function makeFifo(path: string): void {
  if (!Bun.spawnSync(["mkfifo", path]).success) throw new Error(`cannot make "${path}"`);
}
