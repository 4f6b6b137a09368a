/**
 * Users and groups of a configuration, by name or number, turned into an Identity. Pure. It must never turn
 * what it does not know into 0: uWSGI's atoi makes root of a mistyped name.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { Identity, Login } from "../plan/daemon_plan.ts";
import type { PlanDeps } from "./plan_deps.ts";
import { quote } from "../problem.ts";
import { parseId, type UserDatabase } from "../users.ts";
import { readNumber } from "../values/values.ts";

/** A value with the place it was written at. */
export interface Written {
  readonly value: string;
  readonly origin: Origin;
}

export interface IdentityRequest {
  readonly uid: Written | null;
  readonly gid: Written | null;
  readonly addGids: readonly Written[];
  /** false: only the primary group and `addGids` (option no-initgroups). */
  readonly initGroups: boolean;
  /** The user without these settings; null: reeve itself. */
  readonly base: Identity | null;
}

/**
 * null: as reeve itself, nothing to change; also when something is wrong, which is then in the Diagnostics.
 *
 * Without a gid the user's primary group is taken (uWSGI leaves root's). The supplementary groups are those
 * of the group file, as initgroups(3) sets them.
 */
export function resolveIdentity(
  request: IdentityRequest,
  users: UserDatabase,
  system: PlanDeps,
  diagnostics: Diagnostics,
): Identity | null {
  const { uid: uidText, gid: gidText, base } = request;
  if (uidText === null && gidText === null && request.addGids.length === 0) return base;

  const uid = uidText === null ? base?.uid ?? system.uid : resolveUser(uidText, users, diagnostics);
  const givenGid = gidText === null ? null : resolveGroup(gidText, users, diagnostics);
  const added = request.addGids.map((gid) => resolveGroup(gid, users, diagnostics));
  if (uid === null || (gidText !== null && givenGid === null)) return base;

  const user = users.userById(uid);
  const name = userNameOf(uidText, users) ?? user?.name ?? null;
  const gid = givenGid ?? primaryGroup(uidText, users) ?? base?.gid ?? system.gid;
  if (system.uid !== 0) {
    refuseOthers(request, { uid, gid: givenGid, added }, system, diagnostics);
    return null;
  }
  if (
    uidText !== null && gidText === null && primaryGroup(uidText, users) === null && uid !== 0 && gid === 0
  ) {
    diagnostics.warning(
      `user ${uid} is not in ${users.pathOf("passwd")}, so its group stays 0 (root's): give its gid as well`,
      uidText.origin,
    );
  }
  const fromFile = !request.initGroups || name === null || (uidText === null && base === null)
    ? (uidText === null ? [] : request.initGroups ? [gid] : [])
    : users.groupsOf(name, gid);
  const groups = new Set(fromFile);
  for (const group of added) if (group !== null) groups.add(group);
  const login = uidText === null ? base?.login : loginOf(userNameOf(uidText, users), uid, users);
  return { uid, gid, groups: [...groups], user: name, ...(login === undefined ? {} : { login }) };
}

/**
 * A number without an entry is somebody without a name, a shell and a home. Two names may share a uid: the
 * one written counts.
 */
export function loginOf(name: string | null, uid: number, users: UserDatabase): Login {
  const user = (name === null ? null : users.userByName(name)) ?? users.userById(uid);
  if (user === null) return { name: null, home: "/", shell: null };
  return { name: user.name, home: user.home || "/", shell: user.shell || "/bin/sh" };
}

/** null: it is unknown, which is then in the Diagnostics. */
export function resolveUser(written: Written, users: UserDatabase, diagnostics: Diagnostics): number | null {
  const text = written.value.trim();
  const id = parseId(text) ?? users.userByName(text)?.uid ?? rootOf(text, users.users) ??
    leadingId("uid", written, diagnostics);
  if (id === null) {
    diagnostics.error(
      `unknown user ${quote(text)}: ${whyUnknown(users.pathOf("passwd"), users.users)}`,
      written.origin,
    );
  }
  return id;
}

/** null: it is unknown, which is then in the Diagnostics. */
export function resolveGroup(written: Written, users: UserDatabase, diagnostics: Diagnostics): number | null {
  const text = written.value.trim();
  const id = parseId(text) ?? users.groupByName(text)?.gid ?? rootOf(text, users.groups) ??
    leadingId("gid", written, diagnostics);
  if (id === null) {
    diagnostics.error(
      `unknown group ${quote(text)}: ${whyUnknown(users.pathOf("group"), users.groups)}`,
      written.origin,
    );
  }
  return id;
}

/** The number before a blank, as uWSGI takes it. `33x` is no number: it may be a name that is not there. */
function leadingId(name: string, { value, origin }: Written, diagnostics: Diagnostics): number | null {
  const isNumber = /^\d+\s/.test(value.trim());
  return isNumber ? readNumber({ name, value, origin }, /^\d+/, parseId, diagnostics) : null;
}

/** A root without such a file, as of one static program, has this user and this group all the same. */
function rootOf(text: string, known: readonly unknown[]): number | null {
  return text === "root" && known.length === 0 ? 0 : null;
}

function whyUnknown(file: string, known: readonly unknown[]): string {
  return known.length === 0 ? `${file} is absent or empty: give a number` : `it is not in ${file}`;
}

/** The name as written where it is one: two names may share a uid, and differ in their groups. */
function userNameOf(written: Written | null, users: UserDatabase): string | null {
  return written === null ? null : users.userByName(written.value.trim())?.name ?? null;
}

function primaryGroup(written: Written | null, users: UserDatabase): number | null {
  if (written === null) return null;
  const text = written.value.trim();
  const id = parseId(text);
  return (id === null ? users.userByName(text) : users.userById(id))?.gid ?? null;
}

interface Resolved {
  readonly uid: number;
  readonly gid: number | null;
  readonly added: readonly (number | null)[];
}

/** Not root: only what reeve is already may be asked for. */
function refuseOthers(
  request: IdentityRequest,
  { uid, gid, added }: Resolved,
  system: PlanDeps,
  diagnostics: Diagnostics,
): void {
  const why = `reeve is not root, it runs as uid ${system.uid} gid ${system.gid}`;
  const { uid: uidText, gid: gidText } = request;
  if (uidText !== null && uid !== system.uid) {
    diagnostics.error(`cannot run as user ${quote(uidText.value.trim())}: ${why}`, uidText.origin);
  }
  if (gidText !== null && gid !== null && gid !== system.gid) {
    diagnostics.error(`cannot run as group ${quote(gidText.value.trim())}: ${why}`, gidText.origin);
  }
  request.addGids.forEach((written, index) => {
    const group = added[index];
    if (group === null || group === undefined || group === system.gid || system.groups.includes(group)) {
      return;
    }
    diagnostics.error(`cannot add group ${quote(written.value.trim())}: ${why}`, written.origin);
  });
}
