/** Where children live: in the jail, in namespaces of their own, in both. */
import { expect, test } from "bun:test";
import type { JailPlace } from "../../../lib/jail/place.ts";
import { NO_JOINS } from "../../../lib/jail/joins.ts";
import { NO_SETUP } from "../../../lib/jail/namespace_setup.ts";
import { daemonConfinement, jailInit } from "../../../lib/supervisor/jail/spec.ts";
import { CLONE_NEW } from "../../../lib/sys/child/child_spec.ts";
import { CHROOT_PLAN, JAIL_PLAN, NS_PID } from "../../jail/plans.ts";
import { INHERITED } from "../unit/real_host.ts";

function place(change: Partial<JailPlace["confinement"]> = {}): JailPlace {
  return {
    initPid: 77,
    rootFd: 5,
    pidNamespaceFd: 6,
    confinement: {
      ...NO_SETUP,
      pidNamespace: 6,
      join: [{ fd: 7, flags: CLONE_NEW.mnt | CLONE_NEW.uts }],
      readyFd: null,
      ...change,
    },
    translatePid: () => null,
    pidInside: () => null,
  };
}

test("without a jail and without keys of its own a daemon lives where reeve does", () => {
  expect(daemonConfinement(null, null, NO_JOINS, [])).toBeNull();
});

test("in a jail it joins what the init holds, and makes nothing", () => {
  const where = place();
  expect(daemonConfinement(where, null, NO_JOINS, [])).toBe(where.confinement);
});

test("its own namespaces come on top of the jail's", () => {
  const made = daemonConfinement(place(), NS_PID, NO_JOINS, [])!;
  expect(made).toMatchObject({ pidNamespace: 6, newPid: true, unshare: CLONE_NEW.mnt });
  expect(made.join).toEqual(place().confinement.join);
  expect(made.mounts.map(({ target }) => target)).toEqual(["/proc"]);
});

test("what it joins by itself comes after the jail's, and wins", () => {
  const joins = { pidNamespace: 12, join: [{ fd: 13, flags: CLONE_NEW.net }], close: () => {} };
  const made = daemonConfinement(place(), { ...NS_PID, namespaces: [] }, joins, [])!;
  expect(made.pidNamespace).toBe(12);
  expect(made.join.map(({ fd }) => fd)).toEqual([7, 13]);
});

test("a chroot stays the root of a daemon with namespaces of its own, and takes no second root", () => {
  const inside = place({ join: [], pidNamespace: null, root: { path: "/srv/jail", how: "chroot" } });
  expect(daemonConfinement(inside, NS_PID, NO_JOINS, [])!.root).toEqual({ path: "/srv/jail", how: "chroot" });
  const own = { ...NS_PID, root: JAIL_PLAN.root };
  expect(() => daemonConfinement(inside, own, NO_JOINS, [])).toThrow(
    'cannot give it the root "/srv/jail" within chroot="/srv/jail": use namespace instead of chroot',
  );
});

test("the init has nothing of reeve's, is told nothing by its end unless nobody could find it again", () => {
  const init = jailInit(JAIL_PLAN, NO_JOINS, 9, INHERITED, true);
  expect(init).toMatchObject({ role: "jail", environment: [], parentDeathSignal: null, session: "new" });
  expect([...init.fds]).toEqual([[0, "null"], [1, "null"], [2, "null"]]);
  expect(init.confinement).toMatchObject({ newPid: true, readyFd: 9, hostname: "box" });
  expect(jailInit(CHROOT_PLAN, NO_JOINS, 9, INHERITED, false).parentDeathSignal).toBe(9);
});
