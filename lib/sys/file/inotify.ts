/**
 * Changes of files and directories, by inotify(7). Any number of watches may share a directory. Must never be
 * trusted for what the change was: an event says "look again", since queues overflow and files change between
 * event and look.
 */
import { cString, integer } from "../checks.ts";
import { readInto } from "./descriptor.ts";
import { native, unwrap, unwrapUnless } from "../native/native.ts";
import type { Watch, Watcher } from "./watcher.ts";
import { EINVAL, EMFILE } from "../native/constants.ts";

export const IN = {
  modify: 0x2,
  attrib: 0x4,
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  overflow: 0x4000,
  ignored: 0x8000,
  onlyDirectory: 0x0100_0000,
  dontFollow: 0x0200_0000,
  isDirectory: 0x4000_0000,
} as const;

export interface InotifyEvent {
  /**
   * Bits of IN. `overflow`: events were lost, look at everything. `ignored`: the watched thing is gone, and
   * this watch with it.
   */
  readonly mask: number;
  /** Name within the watched directory; "" for the watched thing itself. */
  readonly name: string;
  /** Equal for both halves of a rename. */
  readonly cookie: number;
}

interface Listener {
  readonly mask: number;
  readonly notify: (event: InotifyEvent) => void;
}

const EVENT_SIZE = 16;
const MOST_READS = 4;
const MASK_ADD = 0x2000_0000;
/** Events that the kernel sends whether asked or not, and that every watch must hear. */
const ALWAYS = IN.unmount | IN.overflow | IN.ignored;

export class Inotify {
  readonly #watcher: Watcher;
  /**
   * Opened by the first watch: a host may have none left, or refuse it, and then only what is watched goes
   * unnoticed.
   */
  #fd: number | null = null;
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #buffer = new Uint8Array(65_536);

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  #open(): number {
    if (this.#fd !== null) return this.#fd;
    const result = native().reeve_inotify();
    const remedy = Number(result) === -EMFILE ? ' (raise the sysctl "fs.inotify.max_user_instances")' : "";
    const fd = unwrap("inotify_init1", result, { doing: `watch files${remedy}` });
    this.#watcher.add(fd, () => this.#read(fd));
    return this.#fd = fd;
  }

  /**
   * Watches what `path` names now, a file or a directory. `mask`: bits of IN. Throws SysError: ENOENT,
   * EACCES, ENOSPC (the limit fs.inotify.max_user_watches), EMFILE (max_user_instances).
   */
  watch(path: string, mask: number, notify: (event: InotifyEvent) => void): Watch {
    integer(mask, "inotify mask", 1, 0xffff_ffff);
    // Two paths may lead to one inode, for which the kernel has one watch: its mask must grow and not be
    // replaced.
    const fd = this.#open();
    const result = native().reeve_inotify_add(fd, cString(path, "path"), (mask | MASK_ADD) >>> 0);
    const wd = unwrap("inotify_add_watch", result, { doing: "watch", path });
    const listener: Listener = { mask, notify };
    const listeners = this.#listeners.get(wd) ?? new Set();
    this.#listeners.set(wd, listeners.add(listener));
    return {
      remove: () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        if (this.#listeners.get(wd) !== listeners) return;
        this.#listeners.delete(wd);
        // EINVAL: the kernel has dropped it already, and its "ignored" is on the way.
        unwrapUnless([EINVAL], "inotify_rm_watch", native().reeve_inotify_rm(fd, wd));
      },
    };
  }

  #read(fd: number): void {
    // A writer that makes events faster than they are read must not keep everything else waiting: the rest
    // comes in another turn.
    for (let turn = 0; turn < MOST_READS; turn++) {
      const count = readInto(fd, this.#buffer, { doing: "read file events" });
      if (count === null || count === 0) return;
      this.#deliver(this.#buffer.subarray(0, count));
    }
  }

  #deliver(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + EVENT_SIZE <= bytes.length) {
      const wd = view.getInt32(at, true);
      const length = view.getUint32(at + 12, true);
      const name = bytes.subarray(at + EVENT_SIZE, at + EVENT_SIZE + length);
      const end = name.indexOf(0);
      const event: InotifyEvent = {
        mask: view.getUint32(at + 4, true),
        cookie: view.getUint32(at + 8, true),
        name: Buffer.from(end < 0 ? name : name.subarray(0, end)).toString(),
      };
      at += EVENT_SIZE + length;
      this.#dispatch(wd, event);
    }
  }

  #dispatch(wd: number, event: InotifyEvent): void {
    const sets = wd < 0 ? [...this.#listeners.values()] : [this.#listeners.get(wd)];
    if ((event.mask & IN.ignored) !== 0) this.#listeners.delete(wd);
    for (const listeners of sets) {
      for (const listener of [...(listeners ?? [])]) {
        if (listeners?.has(listener) !== true) continue; // removed by a callback before it
        if ((event.mask & (listener.mask | ALWAYS)) !== 0) listener.notify(event);
      }
    }
  }
}
