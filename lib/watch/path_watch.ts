/**
 * Watches what a path means, as stat(2) follows it, by inotify: also when neither the file nor its directories exist
 * yet, and through links that are turned to another target. Fires as uWSGI's touch: the modification time has
 * increased (nanoseconds here), the file has appeared, or it has disappeared. Never polls.
 *
 * Limits: a file system that is mounted over the path sends no event; one that is changed on another host (NFS)
 * neither.
 */
import { statSync } from "node:fs";
import { isSysError } from "../sys/errno.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { IN, type Inotify, type InotifyEvent } from "../sys/file/inotify.ts";
import type { Timers } from "../sys/timers.ts";
import { errorText } from "../sys/error_text.ts";
import { type ChainLink, pathChain } from "./path_chain.ts";

export type PathChange = "changed" | "appeared" | "disappeared";

export interface PathWatchWorld {
  readonly inotify: Pick<Inotify, "watch">;
  readonly timers: Timers;
  /** A part of the path cannot be watched (inotify's limits, a directory that is not readable). Told once. */
  readonly onProblem: (text: string) => void;
  /** The tree that the paths are in; default: reeve's. */
  readonly tree?: FileTree;
}

export interface PathWatchOptions {
  /** Any event of the target counts, of a directory's entries too: uWSGI's fs-reload, and a pidfile. */
  readonly anyEvent?: boolean;
  /** Milliseconds in which the events of one change are gathered. */
  readonly settle?: number;
}

/** One change of a file is several events (truncated, written, closed): they are looked at together. */
const SETTLE = 20;
/** Looks in a row, each within so many milliseconds of the last, after which something is said never to stand still. */
const BUSY_LOOKS = 10;
const BUSY = 100;
/** The path may change while the watches are set; more often than this in a row is somebody's game. */
const MOST_PASSES = 8;

/** Set on files too, where the kernel sends none of the events that are about entries. */
const TARGET_MASK = IN.attrib | IN.modify | IN.closeWrite | IN.deleteSelf | IN.moveSelf |
  IN.create | IN.delete | IN.movedFrom | IN.movedTo;
const ENTRY_MASK = IN.delete | IN.movedFrom | IN.movedTo;
const MISSING_MASK = IN.create | IN.movedTo | IN.attrib;
const LOOK_AGAIN = IN.overflow | IN.unmount | IN.ignored;

/** In the place of a watch that cannot be had. */
const NOT_WATCHED = { remove: () => {} };

type Snapshot = { readonly dev: bigint; readonly ino: bigint; readonly mtime: bigint } | null;

function takeSnapshot(path: string, tree: FileTree): Snapshot {
  try {
    const status = tree.target(path, "look", (target) => statSync(target, { bigint: true }));
    return { dev: status.dev, ino: status.ino, mtime: status.mtimeNs };
  } catch {
    return null;
  }
}

/** Another file under the same name has disappeared and appeared at once: its age does not matter then. */
function compare(before: Snapshot, now: Snapshot): PathChange | null {
  if (before === null) return now === null ? null : "appeared";
  if (now === null) return "disappeared";
  if (now.ino !== before.ino || now.dev !== before.dev) return "changed";
  return now.mtime > before.mtime ? "changed" : null;
}

export class PathWatch {
  readonly path: string;
  readonly #world: PathWatchWorld;
  readonly #tree: FileTree;
  readonly #onChange: (change: PathChange) => void;
  readonly #anyEvent: boolean;
  readonly #settle: number;
  #watches: { remove(): void }[] = [];
  #timer: { cancel(): void } | null = null;
  #snapshot: Snapshot;
  #touched = false;
  #closed = false;
  #problemTold = false;
  /** When it was last looked at, monotonic milliseconds. */
  #lookedAt = -Infinity;
  /** Looks in a row, each soon after the one before. */
  #looks = 0;

  /** The state at this moment is the baseline. `path` is absolute. Never throws. */
  constructor(
    path: string,
    world: PathWatchWorld,
    onChange: (change: PathChange) => void,
    options: PathWatchOptions = {},
  ) {
    this.path = path;
    this.#world = world;
    this.#tree = world.tree ?? HOST_TREE;
    this.#onChange = onChange;
    this.#anyEvent = options.anyEvent ?? false;
    this.#settle = options.settle ?? SETTLE;
    this.#arm();
    this.#snapshot = takeSnapshot(path, this.#tree);
  }

  get exists(): boolean {
    return this.#snapshot !== null;
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
      ? TARGET_MASK
      : (link.kind === "missing" ? MISSING_MASK : ENTRY_MASK) | IN.onlyDirectory;
    try {
      return this.#tree.target(
        link.path,
        "look",
        (path) => this.#world.inotify.watch(path, mask, (event) => this.#event(link, event)),
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
      // It never stands still: its events are not even heard until the next look, which begins with new watches.
      wait = Math.max(BUSY / 2, wait);
      this.#touched = true;
      for (const watch of this.#watches.splice(0)) watch.remove();
    }
    this.#timer = this.#world.timers.after(wait, () => this.#settled());
  }

  #tell(problem: unknown): void {
    if (this.#problemTold) return;
    this.#problemTold = true;
    this.#world.onProblem(
      `cannot watch all of "${this.path}", changes may go unnoticed: ${errorText(problem)}`,
    );
  }

  #event(link: ChainLink, event: InotifyEvent): void {
    const own = event.name === "";
    if ((event.mask & LOOK_AGAIN) === 0) {
      if (link.name !== null && !own && event.name !== link.name) return;
      if (link.kind === "target") this.#touched = true;
    }
    this.#later();
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
    const touched = this.#touched;
    this.#touched = false;
    const change = compare(before, this.#snapshot) ?? (this.#anyEvent && touched ? "changed" : null);
    if (change !== null) this.#onChange(change);
  }
}
