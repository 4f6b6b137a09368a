import { expect, test } from "bun:test";
import type { DaemonNamespaces } from "../../lib/config/plan/jail_plan.ts";
import type { SavedJail } from "../../lib/jail/identity.ts";
import type { JournalEntry } from "../../lib/records/journal.ts";
import { findKnown } from "../../lib/records/known_daemons.ts";
import { CHROOT_PLAN, JAIL_PLAN, NS_PID } from "../jail/plans.ts";

const PROCESS = { pid: 70, startTime: 700n };
const OWN_ROOT: DaemonNamespaces = { ...NS_PID, root: { path: "/r", how: "pivot", keepOld: null } };

function standing(pid: number): SavedJail {
  return { plan: JAIL_PLAN, identity: { pid, startTime: 5n, namespaces: {} } };
}

function find(
  place: string | undefined,
  jail: SavedJail | null,
  { namespaces = null, isReload = false }: { namespaces?: DaemonNamespaces | null; isReload?: boolean } = {},
) {
  const warnings: string[] = [];
  const entry: JournalEntry = {
    name: "old",
    smart: true,
    pidfile: "/d.pid",
    ...(place === undefined ? {} : { place }),
    process: PROCESS,
    uid: 0,
    aliveAt: 0n,
  };
  const found = findKnown({
    before: [entry],
    daemons: [{ name: "new", kind: "smart", pidfile: "/d.pid", namespaces }],
    jail,
    saved: new Map(),
    isReload,
    isAlive: () => true,
    logger: { warning: (name, text) => warnings.push(`${name} ${text}`) },
  });
  return { known: found.get("new")?.known ?? null, warnings };
}

test.each<[string, string | undefined, SavedJail | null, DaemonNamespaces | null]>([
  ["where reeve is", "", null, null],
  ["where reeve is, on a record that says no more", undefined, null, null],
  ["in namespaces of its own that keep the root", "", null, NS_PID],
  ["in the jail that still stands", "jail 9:5", standing(9), null],
  ["in a chroot", "chroot /srv/jail", { plan: CHROOT_PLAN, identity: null }, null],
  ["in a root of its own", "root /r", null, OWN_ROOT],
  ["in a root of its own within the jail", "jail 9:5 root /r", standing(9), OWN_ROOT],
])("a smart daemon %s is known by its pidfile, whatever its name was", (_, place, jail, namespaces) => {
  expect(find(place, jail, { namespaces })).toEqual({ known: PROCESS, warnings: [] });
});

test.each<[string, string, SavedJail | null, DaemonNamespaces | null]>([
  ["outside, where the configuration has a jail by now", "", { plan: JAIL_PLAN, identity: null }, null],
  ["outside, where another jail stands", "", standing(9), null],
  ["in a jail, where the configuration has none", "jail 9:5", null, null],
  ["in a jail before this one", "jail 9:4", standing(9), null],
  ["outside, where it is to have a root of its own", "", null, OWN_ROOT],
  ["in another root", "root /s", null, OWN_ROOT],
  ["outside, where there is a chroot by now", "", { plan: CHROOT_PLAN, identity: null }, null],
])("a daemon that runs %s is another one: said, and left alone", (_, place, jail, namespaces) => {
  const { known, warnings } = find(place, jail, { namespaces });
  expect(known).toBeNull();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("left running, unsupervised (pid: 70)");
});

test("a reload says itself which daemons it leaves", () => {
  expect(find("", standing(9), { isReload: true })).toEqual({ known: null, warnings: [] });
});
