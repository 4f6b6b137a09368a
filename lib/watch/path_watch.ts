/**
 * Watches what a path means, as stat(2) follows it, by inotify: also when neither the file nor its
 * directories exist yet, and through links that are turned to another target. Fires as uWSGI's touch: the
 * modification time has increased (nanoseconds here), the file has appeared, or it has disappeared; also when
 * an event tells of a change so soon after the last one that both have the same time. Never polls.
 *
 * Limits: a file system that is mounted over the path sends no event; one that is changed on another host
 * (NFS) neither.
 */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isSysError } from "../sys/errno.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { IN, type Inotify, type InotifyEvent } from "../sys/file/inotify.ts";
import type { Timers } from "../sys/timers.ts";
import { errorText } from "../sys/error_text.ts";
import type { OwnFiles } from "./own_files.ts";
import { type ChainLink, pathChain } from "./path_chain.ts";

export type PathChange = "changed" | "appeared" | "disappeared";

export interface PathWatchDeps {
  readonly inotify: Pick<Inotify, "watch">;
  readonly timers: Timers;
  /** A part of the path cannot be watched (inotify's limits, a directory that is not readable). Told once. */
  readonly onProblem: (text: string) => void;
  /** The tree that the paths are in; default: reeve's. */
  readonly tree?: FileTree;
  /** Files whose changes do not count, since they are the watcher's own; default: none are. */
  readonly own?: Pick<OwnFiles, "has" | "mayHave">;
}

export interface PathWatchOptions {
  /** Any event of the target counts, of a directory's entries too: uWSGI's fs-reload, and a pidfile. */
  readonly anyEvent?: boolean;
  /** Told whenever another file may have the name, and not of what is in it or how old it is. */
  readonly identityOnly?: boolean;
  /** Milliseconds in which the events of one change are gathered. */
  readonly settle?: number;
}

/** One change of a file is several events (truncated, written, closed): they are looked at together. */
const SETTLE = 20;
/**
 * Looks in a row, each within so many milliseconds of the last, after which something is said never to
 * stand still.
 */
const BUSY_LOOKS = 10;
const BUSY = 100;
/** The path may change while the watches are set; more often than this in a row is somebody's game. */
const MOST_PASSES = 8;

/** Set on files too, where the kernel sends none of the events that are about entries. */
const TARGET_MASK = IN.attrib | IN.modify | IN.closeWrite | IN.deleteSelf | IN.moveSelf |
  IN.create | IN.delete | IN.movedFrom | IN.movedTo;
/** Less than that: a log that is written to a thousand times a second sends nothing. */
const IDENTITY_MASK = IN.attrib | IN.deleteSelf | IN.moveSelf;
const ENTRY_MASK = IN.delete | IN.movedFrom | IN.movedTo;
const MISSING_MASK = IN.create | IN.movedTo | IN.attrib;
/** The events that change a directory's own time. */
const ENTRIES_CHANGED = IN.create | IN.delete | IN.movedFrom | IN.movedTo;
const LOOK_AGAIN = IN.overflow | IN.unmount | IN.ignored;

/** In the place of a watch that cannot be had. */
const NOT_WATCHED = { remove: () => {} };

/** The step of the clock by which file systems stamp their files, in the coarsest kernels, milliseconds. */
const CLOCK_TICK = 10;

type Snapshot = {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtime: bigint;
  readonly size: bigint;
  readonly isDirectory: boolean;
  /** The fields that tell of other reasons for an event: mode, owner, group and links. */
  readonly others: string;
  /** Changed within the clock's tick in which it was looked at: one more change may bear the same time. */
  readonly isFresh: boolean;
} | null;

function takeSnapshot(path: string, tree: FileTree): Snapshot {
  try {
    const status = tree.target(path, "look", (target) => statSync(target, { bigint: true }));
    const age = Date.now() - Number(status.mtimeMs);
    return {
      dev: status.dev,
      ino: status.ino,
      mtime: status.mtimeNs,
      size: status.size,
      isDirectory: status.isDirectory(),
      others: `${status.mode} ${status.uid} ${status.gid} ${status.nlink}`,
      isFresh: age >= -1 && age <= CLOCK_TICK,
    };
  } catch {
    return null;
  }
}

/** Another file under the same name has disappeared and appeared at once: its age does not matter then. */
function compare(before: Snapshot, now: Snapshot): PathChange | null {
  if (before === null) return now === null ? null : "appeared";
  if (now === null) return "disappeared";
  return isSame(before, now) ? null : "changed";
}

function isSame(before: NonNullable<Snapshot>, now: NonNullable<Snapshot>): boolean {
  return now.ino === before.ino && now.dev === before.dev;
}

/** Whether the content or the time of one file was changed; `wasTold`: by an event. */
function isChanged(before: NonNullable<Snapshot>, now: NonNullable<Snapshot>, wasTold: boolean): boolean {
  if (now.mtime !== before.mtime || now.isDirectory) return now.mtime > before.mtime;
  return now.size !== before.size || (before.isFresh && wasTold && now.others === before.others);
}

export class PathWatch {
  readonly path: string;
  readonly #deps: PathWatchDeps;
  readonly #tree: FileTree;
  readonly #onChange: (change: PathChange) => void;
  readonly #options: PathWatchOptions;
  readonly #settle: number;
  #watches: { remove(): void }[] = [];
  #timer: { cancel(): void } | null = null;
  #snapshot: Snapshot;
  /** Where the path leads to, as far as it leads; without links. */
  #target: string;
  #touched = false;
  /**
   * Since the last look, of a directory: entries that are the watcher's own came or went, and entries of
   * others.
   */
  #entries = { own: false, others: false };
  #closed = false;
  #problemTold = false;
  /** When it was last looked at, monotonic milliseconds. */
  #lookedAt = -Infinity;
  /** Looks in a row, each soon after the one before. */
  #looks = 0;

  /** The state at this moment is the baseline. `path` is absolute. Never throws. */
  constructor(
    path: string,
    deps: PathWatchDeps,
    onChange: (change: PathChange) => void,
    options: PathWatchOptions = {},
  ) {
    this.path = path;
    this.#target = path;
    this.#deps = deps;
    this.#tree = deps.tree ?? HOST_TREE;
    this.#onChange = onChange;
    this.#options = options;
    this.#settle = options.settle ?? SETTLE;
    this.#arm();
    this.#snapshot = takeSnapshot(path, this.#tree);
  }

  get exists(): boolean {
    return this.#snapshot !== null;
  }

  /** The path leads to a file of reeve's own, so that no change of it will count. */
  get isOwn(): boolean {
    return this.#deps.own !== undefined && this.#isOwn(this.#target, null);
  }

  remove(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
    for (const watch of this.#watches.splice(0)) watch.remove();
  }

  /** Sets all watches anew, then makes sure that the path still leads the same way. */
  #arm(): void {
    const held = this.#watches;
    let chain = pathChain(this.path, this.#tree);
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const added = chain.map((link) => this.#watch(link));
      for (const watch of held.splice(0)) watch.remove();
      held.push(...added.filter((watch) => watch !== null));
      const last = chain.at(-1);
      if (last !== undefined) this.#target = last.name === null ? last.path : join(last.path, last.name);
      const again = pathChain(this.path, this.#tree);
      if (!added.includes(null) && JSON.stringify(again) === JSON.stringify(chain)) return;
      chain = again;
    }
    // It never stood still.
    this.#later();
  }

  /** null: what is to be watched is gone since the chain was looked at. */
  #watch(link: ChainLink): { remove(): void } | null {
    const mask = link.kind === "target"
      ? (this.#options.identityOnly === true ? IDENTITY_MASK : TARGET_MASK)
      : (link.kind === "missing" ? MISSING_MASK : ENTRY_MASK) | IN.onlyDirectory;
    try {
      return this.#tree.target(
        link.path,
        "look",
        (path) => this.#deps.inotify.watch(path, mask, (event) => this.#event(link, event)),
      );
    } catch (problem) {
      if (isSysError(problem, "ENOENT", "ENOTDIR")) return null;
      this.#tell(problem);
      return NOT_WATCHED;
    }
  }

  #later(): void {
    if (this.#timer !== null) return;
    let wait = this.#settle;
    if (this.#looks > BUSY_LOOKS) {
      // It never stands still: its events are not even heard until the next look, which begins with new
      // watches.
      wait = Math.max(BUSY / 2, wait);
      // Where all of it is the watcher's own doing, what others do must go on being heard.
      if (this.#touched || !this.#entries.own) {
        this.#touched = true;
        for (const watch of this.#watches.splice(0)) watch.remove();
      }
    }
    this.#timer = this.#deps.timers.after(wait, () => this.#settled());
  }

  #tell(problem: unknown): void {
    if (this.#problemTold) return;
    this.#problemTold = true;
    this.#deps.onProblem(
      `cannot watch all of "${this.path}", changes may go unnoticed: ${errorText(problem)}`,
    );
  }

  #event(link: ChainLink, event: InotifyEvent): void {
    const named = event.name !== "";
    if ((event.mask & LOOK_AGAIN) === 0) {
      if (link.name !== null && named && event.name !== link.name) return;
      if (link.kind === "target") {
        const changesEntries = named && (event.mask & ENTRIES_CHANGED) !== 0;
        if (this.#isOwn(link.path, named ? event.name : null)) {
          // The time of the directory is looked at once more, so that it is known by the next look.
          if (!changesEntries) return;
          this.#entries.own = true;
        } else {
          this.#touched = true;
          if (changesEntries) this.#entries.others = true;
        }
      }
    }
    this.#later();
  }

  /** `entry`: of the directory `path`; null: `path` itself, a file. */
  #isOwn(path: string, entry: string | null): boolean {
    const { own } = this.#deps;
    if (own === undefined || !own.mayHave(entry ?? basename(path))) return false;
    try {
      const directory = this.#tree.target(
        entry === null ? dirname(path) : path,
        "look",
        (target) => statSync(target),
      );
      return own.has(directory, entry ?? basename(path));
    } catch {
      return false; // The directory itself is gone: that is nobody's own doing.
    }
  }

  #settled(): void {
    this.#timer = null;
    if (this.#closed) return;
    const now = performance.now();
    this.#looks = now - this.#lookedAt < BUSY ? this.#looks + 1 : 0;
    this.#lookedAt = now;
    this.#arm();
    const before = this.#snapshot;
    this.#snapshot = takeSnapshot(this.path, this.#tree);
    const change = this.#changeSince(before);
    this.#touched = false;
    this.#entries = { own: false, others: false };
    if (change !== null) this.#onChange(change);
  }

  #changeSince(before: Snapshot): PathChange | null {
    const now = this.#snapshot;
    const change = compare(before, now);
    // A file that came and went between two looks is seen by its events alone.
    if (this.#options.identityOnly === true) return change ?? "changed";
    if (this.isOwn) return null;
    const isTouched = this.#options.anyEvent === true && this.#touched;
    if (before !== null && now !== null && isSame(before, now)) {
      // With the watcher's own entries among them, a directory's time does not tell whether there are others.
      const byOthers = now.isDirectory && this.#entries.own
        ? this.#entries.others
        : isChanged(before, now, this.#touched) || (this.#deps.own !== undefined && this.#entries.others);
      return byOthers || isTouched ? "changed" : null;
    }
    return change ?? (isTouched ? "changed" : null);
  }
}
