/**
 * Roots that lack what others take for granted, made here: no /proc, no shell, no users, nothing that can be
 * written. reeve works there, or does without and says so in one line, or fails with one line.
 */
import { describe, expect } from "bun:test";
import { copyFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, type Need, pidNamespace, REEVE, reeve, root } from "./need.ts";

interface Root {
  /** Lines of a shell, run in namespaces of their own before the root is entered; $R is the new root. */
  readonly prepare?: readonly string[];
  readonly config?: readonly string[];
  readonly readOnly?: boolean;
}

/** Starts reeve in a root with /proc, the executable, one program that hangs, and nothing else. */
function startIn(scope: Scope, root: Root, words: readonly string[] = ["/app.ini"]): Supervisor {
  const directory = scope.directoryFor("root");
  for (const name of ["proc", "run"]) scope.directoryFor(`root/${name}`);
  scope.write("root/reeve", "");
  copyFileSync(fixture("hang"), scope.path("root/hang"));
  scope.write("root/app.ini", ["[uwsgi]", ...(root.config ?? ["attach-daemon = /hang"]), ""].join("\n"));
  const script = [
    "set -e",
    "R=$0",
    'mount --bind "$R" "$R"',
    'mount -t proc proc "$R/proc"',
    'mount --bind "$1" "$R/reeve"',
    ...(root.readOnly === true ? ['mount -o remount,bind,ro "$R"'] : []),
    ...(root.prepare ?? []),
    "shift",
    'exec chroot "$R" "$@"',
  ];
  return scope.start(["/reeve", ...words], {
    firstProcess: true,
    wrap: ["sh", "-c", script.join("\n"), directory, REEVE],
  });
}

async function runsAndStops(supervisor: Supervisor): Promise<string> {
  await supervisor.untilFirstProcess();
  await supervisor.untilLog(/reeve is up/);
  await supervisor.untilLog(/^\d+$/m); // the daemon itself has spoken
  const { code, output } = await supervisor.stop();
  expect(code).toBe(0);
  expect(output).toContain("annihilated");
  return output;
}

const ROOTED = [reeve, root, pidNamespace];

describe("a root with nothing but /proc", () => {
  check("that is writable: works, with its run directory", ROOTED, async (scope) => {
    const output = await runsAndStops(startIn(scope, {}));
    expect(output).not.toMatch(/warning|error/);
  });

  check("that is read-only: works, and says in one line what that costs", ROOTED, async (scope) => {
    const output = await runsAndStops(startIn(scope, { readOnly: true }));
    const warnings = output.split("\n").filter((line) => / (warning|error) /.test(line));
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain("no run directory (EROFS");
  });

  check("without /bin/sh, a command with shell syntax fails with what is missing", ROOTED, async (scope) => {
    const supervisor = startIn(scope, {
      config: ["attach-daemon = /hang; /hang", "attach-daemon = /hang x"],
    });
    await supervisor.untilFirstProcess();
    await supervisor.untilLog(/error hang: cannot start "\/hang; \/hang": exec "\/bin\/sh": no such file/);
    expect((await supervisor.stop()).code).toBe(0);
  });

  check("without /etc/passwd, a number is a user and a name is an error", ROOTED, async (scope) => {
    const named = startIn(scope, {}, ["check", "--uid", "nobody", "/app.ini"]);
    const refused = await named.untilExit();
    expect(refused.code).toBe(2);
    expect(refused.output).toContain('unknown user "nobody": /etc/passwd is absent or empty: give a number');
    await runsAndStops(startIn(scope, {}, ["--uid", "65534", "--gid", "65534", "/app.ini"]));
  });

  check("without /proc, fails with one line", ROOTED, async (scope) => {
    const { code, output } = await startIn(scope, { prepare: ['umount "$R/proc"'] }).untilExit();
    expect(code).not.toBe(0);
    expect(output).toBe("reeve: cannot start: there is no /proc: mount one (mount -t proc proc /proc)\n");
  });

  for (const options of ["hidepid=2", "hidepid=2,subset=pid"]) {
    check(`with /proc mounted ${options}: works`, ROOTED, async (scope) => {
      const prepare = ['umount "$R/proc"', `mount -t proc -o ${options} proc "$R/proc"`];
      await runsAndStops(startIn(scope, { prepare }));
    });
  }

  check("reeve doctor names what is not there and exits with 0", ROOTED, async (scope) => {
    const { code, output } = await startIn(scope, { readOnly: true }, ["doctor"]).untilExit();
    expect(code).toBe(0);
    for (const name of ["/dev/null", "/bin/sh", "/etc/passwd", "run-dir"]) {
      expect(output).toMatch(new RegExp(`^without  ${name} `, "m"));
    }
  });
});

/** Since Linux 6.3 a setting of each PID namespace. */
const noexecSetting: Need = {
  missing: () => {
    const script = "echo 2 > /proc/sys/vm/memfd_noexec";
    const tried = Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script], {
      stderr: "ignore",
    });
    return tried.success ? null : "needs a kernel with vm.memfd_noexec (6.3), and leave to set it";
  },
};
const NO_EXECUTABLE_MEMORY = ['echo 2 > "$R/proc/sys/vm/memfd_noexec"'];

describe("memory files that may not be executed (vm.memfd_noexec = 2)", () => {
  check("with a writable /run: works", [...ROOTED, noexecSetting], async (scope) => {
    await runsAndStops(startIn(scope, { prepare: NO_EXECUTABLE_MEMORY }));
  });

  check(
    "with no writable directory: fails with one line and the remedy",
    [...ROOTED, noexecSetting],
    async (scope) => {
      const supervisor = startIn(scope, { prepare: NO_EXECUTABLE_MEMORY, readOnly: true });
      const { code, output } = await supervisor.untilExit();
      expect(code).toBe(1);
      expect(output.trimEnd().split("\n").length).toBe(1);
      expect(output).toContain("set the sysctl vm.memfd_noexec to 0");
    },
  );

  check("reeve doctor says which it is", [...ROOTED, noexecSetting], async (scope) => {
    const works = await startIn(scope, { prepare: NO_EXECUTABLE_MEMORY }, ["doctor"]).untilExit();
    expect(works.code).toBe(0);
    expect(works.output).toMatch(/^without {2}memfd .*vm\.memfd_noexec = 2/m);
    const broken = { prepare: NO_EXECUTABLE_MEMORY, readOnly: true };
    const fails = await startIn(scope, broken, ["doctor"]).untilExit();
    expect(fails.code).toBe(1);
    expect(fails.output).toMatch(/^missing {2}native /m);
  });
});
