/** What the helper is told to make: which namespaces, which root, which mounts in which order. */
import { expect, test } from "bun:test";
import { daemonSetup, jailSetup, needsInit, NO_SETUP, shielded } from "../../lib/jail/namespace_setup.ts";
import { CLONE_NEW, type MountStep } from "../../lib/sys/child/child_spec.ts";
import { CHROOT_PLAN, JAIL_PLAN, keep, NS_PID } from "./plans.ts";

/** kind source>target+options */
function shown(steps: readonly MountStep[]): string[] {
  return steps.map((step) =>
    `${step.kind} ${step.source}>${step.target}${step.create ? "+create" : ""}${
      step.recursive ? "+recursive" : ""
    }${step.optional ? "+optional" : ""}`
  );
}

const DEVICES = "devices >/dev+create+optional";

test("a jail: its own namespaces, a new root, /proc and devices, and what is kept of the host last", () => {
  const setup = jailSetup({ ...JAIL_PLAN, keep: [keep("/data"), keep("/etc/hosts", "/etc/hosts")] });
  expect(setup.newPid).toBe(true);
  expect(setup.unshare).toBe(CLONE_NEW.mnt | CLONE_NEW.uts | CLONE_NEW.ipc);
  expect(setup.root).toEqual({ path: "/srv/jail", how: "pivot" });
  expect(setup.hostname).toBe("box");
  expect(setup.loopback).toBe(false);
  expect(shown(setup.mounts)).toEqual([
    "new proc>/proc+create",
    DEVICES,
    "bind /data>/data+create",
    "bind /etc/hosts>/etc/hosts+create",
  ]);
  expect(setup.mounts[0]!.flags).toBe(2 | 4 | 8);
});

test("the host's /dev/pts comes before the devices, which would cover it", () => {
  const setup = jailSetup({ ...JAIL_PLAN, keep: [keep("/data"), keep("/dev/pts")] });
  expect(shown(setup.mounts).slice(1)).toEqual([
    "bind /dev/pts>/dev/pts+create",
    DEVICES,
    "bind /data>/data+create",
  ]);
});

test("a user namespace, or no right to mount: the jail's init shields /proc once for all", () => {
  const user = jailSetup({ ...JAIL_PLAN, namespaces: [...JAIL_PLAN.namespaces, "user"] });
  expect([jailSetup(JAIL_PLAN).shield, user.shield]).toEqual([false, true]);
  expect(jailSetup({ ...JAIL_PLAN, shielded: true }).shield).toBe(true);
});

test("only what is mounted for a jail or a daemon is shielded, never the host's own", () => {
  const join = [{ fd: 7, flags: CLONE_NEW.mnt | CLONE_NEW.uts }];
  expect(jailSetup({ ...CHROOT_PLAN, shielded: true }).shield).toBe(false);
  expect(shielded(daemonSetup({ ...NS_PID, namespaces: ["net"] }, false, []), []).shield).toBe(false);
  expect(shielded(daemonSetup(NS_PID, false, []), [])).toMatchObject({
    shield: true,
    unshare: CLONE_NEW.mnt,
  });
  expect(shielded(NO_SETUP, join)).toMatchObject({ shield: true, unshare: CLONE_NEW.mnt });
});

test("a bare jail has /proc and what is kept, and its own /dev as it lies there", () => {
  const setup = jailSetup({ ...JAIL_PLAN, bare: true, keep: [keep("/dev/null")] });
  expect(shown(setup.mounts)).toEqual(["new proc>/proc+create", "bind /dev/null>/dev/null+create"]);
});

test("the host's root with a PID namespace has a /proc of its own, and the host's devices", () => {
  const setup = jailSetup({ ...JAIL_PLAN, root: null, hostname: null });
  expect(setup.root).toBeNull();
  expect(shown(setup.mounts)).toEqual(["new proc>/proc+create"]);
});

test("pivot-root keeps the old root where it is told to", () => {
  const root = { path: "/srv/jail", how: "pivot", keepOld: "/old" } as const;
  const setup = jailSetup({ ...JAIL_PLAN, namespaces: [], hostname: null, root });
  expect(setup.unshare).toBe(CLONE_NEW.mnt);
  expect(shown(setup.mounts)).toEqual(["bind />/old+create+recursive", DEVICES]);
});

test("a chroot is each daemon's own affair, everything that is shared is an init's", () => {
  expect(needsInit(CHROOT_PLAN)).toBe(false);
  expect(jailSetup(CHROOT_PLAN)).toMatchObject({ newPid: false, unshare: 0, mounts: [] });
  expect(needsInit({ ...CHROOT_PLAN, namespaces: ["ipc"] })).toBe(true);
  expect(needsInit({ ...CHROOT_PLAN, join: [{ kind: "pid", pid: 5, origin: CHROOT_PLAN.origin }] })).toBe(
    true,
  );
});

test("a network namespace gets its loopback", () => {
  expect(jailSetup({ ...JAIL_PLAN, namespaces: ["net"] })).toMatchObject({ loopback: true, newPid: false });
});

test("ns_pid: a PID namespace with a /proc of its own, whatever the root", () => {
  const setup = daemonSetup({ ...NS_PID, namespaces: ["pid"] }, false, []);
  expect(setup).toMatchObject({ newPid: true, unshare: CLONE_NEW.mnt, root: null, hostname: null });
  expect(shown(setup.mounts)).toEqual(["new proc>/proc+create"]);
});

test("nothing that is mounted or named is done outside a namespace for it", () => {
  const none = { ...NS_PID, namespaces: [] };
  expect(daemonSetup({ ...none, tmpfs: ["/tmp"] }, false, []).unshare).toBe(CLONE_NEW.mnt);
  expect(daemonSetup({ ...none, hostname: "x" }, false, []).unshare).toBe(CLONE_NEW.uts);
  expect(daemonSetup({ ...none, root: JAIL_PLAN.root }, false, []).unshare).toBe(CLONE_NEW.mnt);
});

test("a root of its own shows /proc only where the processes in it are not the host's", () => {
  const own = { ...NS_PID, namespaces: ["mnt"] as const, root: JAIL_PLAN.root };
  expect(shown(daemonSetup(own, false, []).mounts)).toEqual([DEVICES]);
  expect(shown(daemonSetup(own, true, []).mounts)).toEqual(["new proc>/proc+create", DEVICES]);
});

test("readonly with a root of its own: the root alone, last, so that what is mounted in it stays writable", () => {
  const setup = daemonSetup(
    { ...NS_PID, root: JAIL_PLAN.root, readonly: true, tmpfs: ["/tmp"], keep: [keep("/data")] },
    false,
    ["/", "/home"],
  );
  expect(shown(setup.mounts)).toEqual([
    "new proc>/proc+create",
    DEVICES,
    "bind /data>/data+create",
    "new tmpfs>/tmp+create",
    "remount >/",
  ]);
  expect(setup.mounts.at(-1)!.flags).toBe(1);
});

test("readonly without one: every mount there is, but for /proc, /dev, tmpfs and what is kept", () => {
  const setup = daemonSetup({ ...NS_PID, readonly: true, tmpfs: ["/run/x"], keep: [keep("/data")] }, false, [
    "/",
    "/proc",
    "/proc/sys/fs/binfmt_misc",
    "/dev/shm",
    "/data/deep",
    "/home",
    "/home",
    "/devices",
    "/run/x/y",
  ]);
  expect(shown(setup.mounts).slice(-3)).toEqual([
    "remount >/",
    "remount >/home+optional",
    "remount >/devices+optional",
  ]);
});
