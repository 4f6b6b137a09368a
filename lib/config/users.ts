/**
 * Users and groups, read from the text of /etc/passwd and /etc/group. Pure: it opens no file, and asks no
 * network directory, so that a supervisor's start never waits for one.
 */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Largest id that means a user: 4294967295 is (uid_t) -1, "leave unchanged" to the kernel. */
const LARGEST_ID = 0xfffffffe;

/** A number that can be a uid or gid, or null: no sign, no blanks, not the kernel's -1. */
export function parseId(text: string): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= LARGEST_ID ? id : null;
}

/** Text of the two files; may be read at the first question. */
export interface UserFiles {
  readonly passwd: string;
  readonly group: string;
  /** The root that they lie under, for messages; absent: the host's. */
  readonly place?: string;
}

/**
 * The two files, read and parsed at the first question; malformed lines are passed over as the C library
 * does.
 */
export class UserDatabase {
  readonly #files: UserFiles;
  #users: readonly User[] | null = null;
  #groups: readonly Group[] | null = null;

  constructor(files: UserFiles) {
    this.#files = files;
  }

  /** `/etc/passwd`, with the root in front where it is not the host's. */
  pathOf(file: keyof Pick<UserFiles, "passwd" | "group">): string {
    return `${this.#files.place ?? ""}/etc/${file}`;
  }

  userByName(name: string): User | null {
    return this.users.find((user) => user.name === name) ?? null;
  }

  userById(uid: number): User | null {
    return this.users.find((user) => user.uid === uid) ?? null;
  }

  groupByName(name: string): Group | null {
    return this.groups.find((group) => group.name === name) ?? null;
  }

  groupById(gid: number): Group | null {
    return this.groups.find((group) => group.gid === gid) ?? null;
  }

  /**
   * Every group of a user as initgroups(3) sets them: `primary` first, then those that list the user as a
   * member.
   */
  groupsOf(userName: string, primary: number): readonly number[] {
    const gids = new Set([primary]);
    for (const group of this.groups) {
      if (group.members.includes(userName)) gids.add(group.gid);
    }
    return [...gids];
  }

  get users(): readonly User[] {
    this.#users ??= parsePasswd(this.#files.passwd);
    return this.#users;
  }

  get groups(): readonly Group[] {
    this.#groups ??= parseGroup(this.#files.group);
    return this.#groups;
  }
}

function parsePasswd(text: string): User[] {
  const users: User[] = [];
  for (const fields of records(text)) {
    const [name, , uidText, gidText, , home = "", shell = ""] = fields;
    const uid = parseId(uidText ?? "");
    const gid = parseId(gidText ?? "");
    if (!name || uid === null || gid === null) continue;
    users.push({ name, uid, gid, home, shell });
  }
  return users;
}

function parseGroup(text: string): Group[] {
  const groups: Group[] = [];
  for (const fields of records(text)) {
    const [name, , gidText, members = ""] = fields;
    const gid = parseId(gidText ?? "");
    if (!name || gid === null) continue;
    groups.push({ name, gid, members: members.split(",").filter((member) => member !== "") });
  }
  return groups;
}

/** Lines split at colons; comments and the `+` and `-` entries of NIS left out. */
function records(text: string): string[][] {
  return text.split("\n").filter((line) => /^[^#+-]/.test(line)).map((line) => line.trimEnd().split(":"));
}
