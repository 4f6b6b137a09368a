/**
 * `--user` of reeve enter: a user as the root that is entered knows it. What is there may be hostile; it
 * decides on nothing but names.
 */
import type { Identity } from "../../config/plan/daemon_plan.ts";
import { loginOf } from "../../config/system/identity.ts";
import { parseId } from "../../config/users.ts";
import { RootedTree } from "../../jail/rooted_tree.ts";
import { readUsers } from "../../jail/rooted_users.ts";

/** `text`: NAME, UID, or either with :GROUP. "root" is uid 0 whatever the root says. Throws an Error. */
export function findUser(text: string, rootFd: number): Identity {
  const colon = text.indexOf(":");
  const [userText, groupText] = colon < 0 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)];
  const users = readUsers(new RootedTree(() => rootFd));
  const number = userText === "root" ? 0 : parseId(userText);
  const user = number === null ? users.userByName(userText) : users.userById(number);
  const uid = number ?? user?.uid;
  if (uid === undefined) {
    throw new Error(`there is no user "${userText}" inside: see /etc/passwd there, or give a number`);
  }
  const gid = groupText === null ? user?.gid ?? uid : findGroup(groupText, users);
  const groups = user === null || groupText !== null ? [gid] : users.groupsOf(user.name, gid);
  return { uid, gid, groups, user: user?.name ?? null, login: loginOf(user?.name ?? null, uid, users) };
}

function findGroup(text: string, users: ReturnType<typeof readUsers>): number {
  const gid = parseId(text) ?? users.groupByName(text)?.gid;
  if (gid === undefined) {
    throw new Error(`there is no group "${text}" inside: see /etc/group there, or give a number`);
  }
  return gid;
}
