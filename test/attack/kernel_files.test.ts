/**
 * What the file systems of the kernel hold of the host (/proc/sys/kernel/core_pattern is a program that the
 * kernel runs as the host's root), tried by each kind of confined daemon, in a jail and outside of one: it
 * can write none of it, and read none of what container runtimes mask.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Scope, Supervisor } from "../e2e/harness.ts";
import { busybox, busyboxRoot, hostMounts } from "../e2e/jail_root.ts";
import { check, pidNamespace, reeve, root } from "../e2e/need.ts";
import { fixture } from "../fixtures/compile.ts";

const NEEDS = [reeve, root, pidNamespace];
const WALKER = "walk_kernel_files";

/** Keys of attach-daemon2 that take something away, each by a name. */
const CONFINED: Readonly<Record<string, string>> = {
  caps: "caps=none",
  few_caps: "caps=chown;dac_override;net_bind_service;kill",
  caps_alone: "caps=none,no_new_privs=1,readonly=1",
  no_new_privs: "no_new_privs=1",
  readonly: "readonly=1",
  user: "uid=65534,gid=65534",
  user_namespace: "ns=user",
  own_pids: "caps=none,ns_pid=1",
  own_pids_readonly: "ns_pid=1,readonly=1,tmpfs=/tmp",
  own_pids_user: "uid=65534,gid=65534,ns=pid;net;ipc",
};

/** They have no right to mount, so there is nothing that they can undo. */
const NO_MOUNTS = new Set([
  "caps",
  "few_caps",
  "caps_alone",
  "user",
  "user_namespace",
  "own_pids",
  "own_pids_user",
  "own_root",
  "capped",
  "user_namespaces",
  "users",
]);

let mounts = "";
beforeEach(() => {
  mounts = hostMounts();
});
afterEach(() => {
  expect(hostMounts()).toBe(mounts);
});

async function findings(supervisor: Supervisor, name: string): Promise<string> {
  await supervisor.untilLog(new RegExp(`^${name} walked .*$`, "m"), { seconds: 60 });
  return supervisor.log().split("\n").filter((line) => line.startsWith(`${name} `)).join("\n");
}

async function findNothing(supervisor: Supervisor, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = await findings(supervisor, name);
    expect(found).toMatch(new RegExp(`^${name} walked [1-9][0-9]* files, 0 writable, 0 readable$`));
  }
}

function jailed(
  scope: Scope,
  name: string,
  lines: readonly string[],
  daemons: readonly string[],
): Supervisor {
  const directory = busyboxRoot(scope, name, [WALKER]);
  for (const name of ["sys", "hostproc", "late", "cgroup", "box/bin", "box/proc"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync(fixture(WALKER), join(directory, `box/bin/${WALKER}`));
  return scope.reeve(scope.config([`namespace = ${directory}`, ...lines, ...daemons]));
}

const daemon = (name: string, keys: string, where: string): string => {
  const undo = NO_MOUNTS.has(name) ? "undo " : "";
  return `attach-daemon2 = name=${name},cmd=/bin/${WALKER} ${name} ${undo}${where},${keys}`;
};

check(
  "in a jail with the host's /proc, /sys and cgroups: a confined daemon writes none of them",
  [...NEEDS, busybox],
  async (scope) => {
    const cgroup = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
    const keep = ["/sys", "/proc:/hostproc", `${cgroup}:/cgroup`].map((path) =>
      `namespace-keep-mount = ${path}`
    );
    const supervisor = jailed(
      scope,
      "root",
      [...keep, "mount-as-root = proc proc /late"],
      [
        ...Object.entries(CONFINED).map(([name, keys]) =>
          daemon(name, keys, "/proc /sys /late /cgroup /hostproc:all")
        ),
        daemon("own_root", "caps=none,root=/box", "/proc"),
        daemon("all_rights", "stop_timeout=5", "/proc /late"),
      ],
    );
    await findNothing(supervisor, [...Object.keys(CONFINED), "own_root"]);
    // Root inside is root, and the walk finds what there is.
    const found = await findings(supervisor, "all_rights");
    expect(found).toContain("all_rights can write /proc/");
    expect(found).toMatch(/ [1-9][0-9]* writable/);
    expect((await supervisor.stop()).code).toBe(0);
  },
  120,
);

check(
  "in a jail of fewer rights, with a user namespace, or of a user: nobody in it writes any of it",
  [...NEEDS, busybox],
  async (scope) => {
    const jails = { capped: "cap = chown,setuid", user_namespaces: "unshare = user", users: "uid = 65534" };
    for (const [name, line] of Object.entries(jails)) {
      const lines = [line, "mount-as-root = proc proc /late", "namespace-keep-mount = /sys"];
      const supervisor = jailed(scope, name, lines, [daemon(name, "stop_timeout=5", "/proc /sys /late")]);
      await findNothing(supervisor, [name]);
      expect((await supervisor.stop()).code).toBe(0);
    }
  },
  120,
);

check(
  "outside of a jail, with namespaces of its own: a confined daemon writes none of it",
  NEEDS,
  async (scope) => {
    const names = Object.keys(CONFINED).filter((name) =>
      /^own_pids|readonly|user_namespace|caps_alone/.test(name)
    );
    const lines = names.map((name) =>
      daemon(name, CONFINED[name]!, "/proc /sys").replace(`/bin/${WALKER}`, fixture(WALKER))
    );
    const supervisor = scope.reeve(scope.config(lines));
    await findNothing(supervisor, names);
    expect((await supervisor.stop()).code).toBe(0);
  },
  120,
);
