/**
 * Looks at a pidfile without trusting it: never opens a FIFO or a device, sees every link on the way, never
 * reads more than a pid can need. One that lies in a jail is looked at beneath the jail's root, a link in its
 * last place is not followed, and its number is the jail's. The judgement is lib/daemon/pidfile.ts.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { type JudgeOptions, judgePidfile, parsePid, type Verdict } from "../daemon/pidfile.ts";
import type { JailPlace, JailSource } from "../jail/place.ts";
import { isForeign } from "../jail/rooted_kinds.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { processFacts, processInJail } from "./process.ts";
import { walkPath } from "../watch/path_walk.ts";
import { O_PATH } from "../sys/native/constants.ts";

/** Enough for a pid in front of whatever else a daemon writes. */
const READ_AT_MOST = 256;
/** Names a file without opening it: to open some devices is to start them. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

type Numbers = Pick<JailPlace, "initPid" | "translatePid">;

/** Says what is wrong; null of `place`: paths and numbers are reeve's own. */
interface Look {
  readonly path: string;
  readonly context: JudgeOptions;
  readonly place: JailPlace | null;
  /** The PID namespace whose numbers the file holds. */
  readonly numbers: Numbers | null;
  readonly tree: FileTree;
  readonly no: (found: string, unfinished?: boolean) => Verdict;
}

/**
 * `jail`: where the path, absolute then, and the number in the file mean something; null: both are reeve's
 * own. `guard`: the daemon lives in the PID namespace of a legion's guard, whatever its path is relative to.
 */
export function readPidfile(
  path: string,
  context: JudgeOptions,
  jail: JailSource | null = null,
  guard: Numbers | null = null,
): Verdict {
  const no = (found: string, unfinished = false): Verdict => ({
    valid: false,
    found: `pidfile "${path}" ${found}`,
    unfinished,
  });
  const place = jail?.() ?? null;
  if (jail !== null && place === null) return no("cannot be looked at: its jail does not run");
  const tree = jail === null ? HOST_TREE : jailTree(jail);
  try {
    return tree.entry(path, "look", (entry) => {
      const file = openSync(entry, place === null ? O_PATH : O_PATH | constants.O_NOFOLLOW);
      try {
        return judgeOpened(file, dirname(entry), { path, context, place, numbers: guard ?? place, tree, no });
      } catch (error) {
        return no(`cannot be read: ${errorText(error)}`);
      } finally {
        closeSync(file);
      }
    });
  } catch (error) {
    return no(errorCode(error) === "ENOENT" ? "does not exist" : `cannot be opened: ${errorText(error)}`);
  }
}

function judgeOpened(
  file: number,
  directory: string,
  { path, context, place, numbers, tree, no }: Look,
): Verdict {
  const status = fstatSync(file, { bigint: true });
  if (!status.isFile()) return no("is not a regular file");
  if (place !== null && isForeign(file)) return no("is a file of the kernel");
  const linkOwners = ownersOfLinks(path, file, tree);
  if (linkOwners === null) return no("was replaced while it was looked at", true);
  const text = readText(`/proc/self/fd/${file}`);
  const { uid: directoryOwner, mode: directoryMode } = statSync(directory);
  const pid = parsePid(text);
  const found = pid === null ? null : numbers === null ? processFacts(pid) : processInJail(pid, numbers);
  if (found !== null && found.id.pid === numbers?.initPid) return no("names the first process of its jail");
  return judgePidfile(
    path,
    {
      owner: Number(status.uid),
      group: Number(status.gid),
      mode: Number(status.mode),
      names: Number(status.nlink),
      directoryOwner,
      directoryMode,
      linkOwners,
      modifiedAt: Number(status.mtimeNs / 1000n) / 1000,
      text,
    },
    found,
    context,
  );
}

function readText(path: string): string {
  const fd = openSync(path, READ);
  try {
    const buffer = new Uint8Array(READ_AT_MOST);
    return new TextDecoder("latin1").decode(
      buffer.subarray(0, readSync(fd, buffer, 0, READ_AT_MOST, 0)),
    );
  } finally {
    closeSync(fd);
  }
}

/**
 * The owners of the symbolic links that lead from `path` to what is open as `opened`; null when they lead
 * elsewhere by now: somebody exchanges them under our eyes.
 */
export function ownersOfLinks(
  path: string,
  opened: number,
  tree: FileTree = HOST_TREE,
): readonly number[] | null {
  const owners: number[] = [];
  const walk = (): string | null =>
    walkPath(path, ({ status, isLink }) => {
      if (isLink) owners.push(status.uid);
    }, tree);
  if (tree === HOST_TREE) {
    const found = readlinkSync(`/proc/self/fd/${opened}`);
    return resolve(path) === found || walk() === found ? owners : null;
  }
  // The name of what is open is no help: it is one of another root.
  const led = walk();
  if (led === null) return null;
  const [one, other] = [fstatSync(opened), tree.entry(led, "look", (entry) => lstatSync(entry))];
  return one.ino === other.ino && one.dev === other.dev ? owners : null;
}
