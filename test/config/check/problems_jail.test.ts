import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { findProblems, type Purpose } from "../../../lib/config/check/problems.ts";
import { USUAL_PATH } from "../../../lib/config/system/programs.ts";
import type { PlanDeps } from "../../../lib/config/system/plan_deps.ts";
import { DEFAULT_PATH } from "../../../lib/process/environment.ts";
import { build, type FakeFile, fakeSystem, ORDINARY } from "../build/fake_system.ts";

const directory: FakeFile = { kind: "directory", mode: 0o755 };
const program: FakeFile = { mode: 0o755 };
/**
 * A host with a root of its own in /r: its /bin/inner is not the host's, and /bin/sleep is the host's alone.
 */
const FILES: Readonly<Record<string, FakeFile>> = {
  ...ORDINARY,
  "/r": directory,
  "/srv": directory,
  "/srv/tool": program,
  "/file": {},
  "/r|/": directory,
  "/r|/run": directory,
  "/r|/srv/inside": directory,
  "/r|/bin/inner": program,
  "/r|/bin/sh": program,
  "/r|/etc/passwd": { text: "www-data:x:33:33::/:\n" },
};

function problems(text: string, purpose: Purpose = "check", change: Partial<PlanDeps> = {}): string[] {
  const system = fakeSystem(FILES, change);
  const { plan, diagnostics } = build(text, system);
  expect(diagnostics.hasErrors).toBe(false);
  diagnostics.list.length = 0;
  findProblems(plan, system, purpose, diagnostics);
  return diagnostics.list.map(formatDiagnostic);
}

describe("a jail that cannot be made", () => {
  test.each([
    ["namespace = /nodir", 'app.ini:1: cannot use "/nodir" as the root of namespace: no such directory'],
    ["chroot = /file", 'app.ini:1: cannot use "/file" as the root of chroot: it is a file'],
    [
      "namespace = /r\nnamespace-keep-mount = /gone:/x",
      'app.ini:2: cannot keep "/gone": no such file or directory on the host',
    ],
    [
      "attach-daemon2 = cmd=inner,root=/nodir",
      'app.ini:1: cannot use "/nodir" as the root of "inner": no such directory',
    ],
    [
      "chroot = /r\nattach-daemon2 = cmd=inner,root=/srv",
      'app.ini:2: cannot give "inner" the root "/srv" within chroot="/r": use namespace instead of chroot',
    ],
  ])("%j is an error at a start", (text, expected) => {
    expect(problems(text, "start")).toEqual([expected]);
  });

  test("is the one thing said of a root that is not there, and not that its programs are missing", () => {
    for (const option of ["namespace", "chroot"]) {
      expect(problems(`${option} = /nodir\nattach-daemon = inner`)).toEqual([
        `app.ini:1: cannot use "/nodir" as the root of ${option}: no such directory`,
      ]);
    }
  });

  test("of a legion over etcd: without root it cannot be lord, an arbiter need not be", () => {
    const line = (valor: number): string => `legion-etcd = a http://10.0.0.1:2379 ${valor}`;
    expect(problems(line(1), "start", { uid: 1000 })).toEqual([
      'app.ini:1: warning: legion "a" cannot be lord here: what runs under its lease needs a PID namespace, and reeve is not root',
    ]);
    expect(problems(line(0), "start", { uid: 1000 })).toEqual([]);
  });

  test("of setns-socket: its directory is not there", () => {
    expect(problems("setns-socket = /gone/s\nattach-daemon = sleep", "start")).toEqual([
      'app.ini:1: cannot make the socket "/gone/s" of setns-socket: no such directory: "/gone", make it first',
    ]);
  });

  test("is a warning where a hook that runs before may bring it; one that runs inside cannot", () => {
    expect(problems("namespace = /nodir\nexec-pre-jail = debootstrap", "start")[0]).toContain("warning: ");
    expect(problems("namespace = /nodir\nexec-as-root = ls", "start")[0]).not.toContain("warning: ");
  });

  test.each([
    "namespace = /r",
    "unshare = fs",
    "attach-daemon2 = cmd=inner,ns_pid=1",
    "attach-daemon2 = cmd=sleep 1,caps=chown",
  ])(
    "%s by another user than root is one error",
    (line) => {
      const found = problems(line, "start", { uid: 1000 });
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/cannot (?:make|limit) .*: reeve is not root, it runs as uid 1000$/);
    },
  );
});

describe("in a jail", () => {
  const jail = (lines: string) => problems(`namespace = /r\n${lines}`);

  test("programs are those of its root", () => {
    expect(jail("attach-daemon = inner")).toEqual([]);
    expect(jail("attach-daemon = /bin/inner")).toEqual([]);
    expect(jail("attach-daemon = sleep 1")).toEqual([
      `app.ini:2: cannot run "sleep": not found in PATH ${USUAL_PATH}`,
    ]);
    expect(jail("attach-daemon = a | b")).toEqual([
      'app.ini:2: warning: "a" is not there now: "a | b" will fail without it',
    ]);
  });

  test("the PATH of a clean environment is the one that the jail gets", () => {
    expect(USUAL_PATH).toBe(DEFAULT_PATH);
    expect(jail("namespace-env = inherit\nattach-daemon = x")[0]).toContain(
      "not found in PATH /usr/bin:/bin",
    );
    expect(jail("env = PATH=/opt\nattach-daemon = x")[0]).toContain("not found in PATH /opt");
  });

  test("directories and pidfiles are those of its root", () => {
    expect(jail("chdir = /srv/inside\nsmart-attach-daemon = /run/p inner")).toEqual([]);
    expect(jail("chdir = /srv\nattach-daemon = inner")).toEqual([
      'app.ini:2: cannot enter chdir "/srv": no such directory',
    ]);
    expect(jail("smart-attach-daemon2 = /tmp/p inner")).toEqual([
      'app.ini:2: cannot write pidfile "/tmp/p": no such directory: "/tmp", make it first',
    ]);
    expect(jail("pidfile = /tmp/p\nattach-daemon = inner")).toEqual([]);
  });

  test("what its processes may have put in the way of one keeps nobody else from being started", () => {
    const found = problems("namespace = /r\nchdir = /srv\nsmart-attach-daemon = /dev/p inner", "start");
    expect(found).toEqual([
      'app.ini:2: warning: cannot enter chdir "/srv": no such directory',
      'app.ini:3: warning: cannot use pidfile "/dev/p": it is a device',
    ]);
  });

  test("a log that is opened inside is looked for there, reeve's own pidfiles are not", () => {
    expect(jail("logto2 = /run/log\nattach-daemon = inner")).toEqual([]);
    expect(jail("logto2 = /tmp/log\nattach-daemon = inner")).toEqual([
      'app.ini:2: cannot write log file "/tmp/log": no such directory: "/tmp", make it first',
    ]);
    expect(jail("chdir = /srv/inside\npidfile2 = p\nlogto = log\nattach-daemon = inner")).toEqual([]);
  });

  test("what is kept of the host is seen, and nothing is asked of /proc and /dev", () => {
    expect(jail("namespace-keep-mount = /srv:/opt\nattach-daemon = /opt/tool")).toEqual([]);
    expect(jail("namespace-keep-mount = /srv:/opt\nattach-daemon = /opt/other")).toHaveLength(1);
    expect(jail("smart-attach-daemon = /dev/p inner")).toEqual([
      'app.ini:2: cannot use pidfile "/dev/p": it is a device',
    ]);
  });

  test("binsh is the first shell of its root", () => {
    const shell = (text: string) => build(text, fakeSystem(FILES)).plan.instance.shell;
    expect(shell("namespace = /r\nbinsh = /bin/sleep\nbinsh = /bin/inner")).toBe("/bin/inner");
    expect(shell("binsh = /bin/inner\nbinsh = /bin/sleep")).toBe("/bin/sleep");
    expect(shell("setns = 7\nbinsh = /bin/inner")).toBe("/bin/inner");
  });

  test("that is joined, or a root within a root, nothing is known", () => {
    expect(problems("setns = 7\nattach-daemon = nowhere")).toEqual([]);
    expect(jail("attach-daemon2 = cmd=nowhere,root=/x")).toEqual([]);
  });
});

describe("a daemon with a root of its own", () => {
  test("has its programs and its pidfile there", () => {
    expect(problems("attach-daemon2 = cmd=inner,root=/r")).toEqual([]);
    expect(problems("attach-daemon2 = cmd=/bin/inner,root=/r,pidfile=/run/p")).toEqual([]);
    expect(problems("attach-daemon2 = cmd=/bin/sleep,root=/r")[0]).toContain('cannot run "/bin/sleep"');
  });

  test("may have the pidfile of another one, in its own root or tmpfs", () => {
    expect(
      problems(
        "smart-attach-daemon = /run/p sleep 1\nattach-daemon2 = cmd=/bin/inner,root=/r,pidfile=/run/p",
      ),
    ).toEqual([]);
    expect(problems("attach-daemon2 = cmd=/bin/inner,root=/r,tmpfs=/var,pidfile=/var/p")).toEqual([]);
    expect(problems("attach-daemon2 = cmd=/bin/inner,root=/r,tmpfs=/var,pidfile=/var/x/p")).toHaveLength(1);
  });
});
