/**
 * The file that logto, logto2 and daemonize name: put on fds 1 and 2 of reeve, from where the daemons inherit
 * it. Reopened by name, also when its name leads elsewhere by now, rotated on demand or by size. Once open it
 * never throws: a log that cannot be rotated or reopened is one clear line, and reeve goes on with the file
 * it has.
 */
import { fstatSync, ftruncateSync, lstatSync, renameSync, type Stats, statSync } from "node:fs";
import { isDescriptorName, openLogFile, type OpenLogOptions } from "./log_file_open.ts";
import { copyAndTruncate } from "./log_rotation.ts";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import type { KeepPath } from "../sys/file/kept.ts";
import type { Repeats } from "./repeats.ts";
import { strftime } from "./strftime.ts";
import type { Timers } from "../sys/timers.ts";

export interface LogFileSettings extends OpenLogOptions {
  /** Absolute: the file is reopened after a change of directory. */
  readonly path: string;
  /** Rotated when it is larger, bytes; 0: never. */
  readonly maxSize: number;
  /** Name of the rotated file (a strftime format); null: PATH.<unix seconds>. */
  readonly backupName: string | null;
}

export interface LogFileDeps {
  /**
   * Puts an open file on fds 1 and 2, closes it, and answers the descriptor that holds the log from now on.
   */
  readonly install: (fd: number) => number;
  /**
   * Whether processes other than reeve may have the present file open: then it is copied and emptied in
   * place.
   */
  readonly isShared: () => boolean;
  readonly log: (level: "error" | "warning" | "info", text: string) => void;
  /** The same for lines that whoever fills the log can cause. */
  readonly repeats: Pick<Repeats, "say">;
  /** A file of this name is the log's own: its backups, and what becomes one. */
  readonly written: (path: string) => void;
  readonly keep: KeepPath;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly timers: Timers;
  /** inotify; a watch that cannot be set throws. */
  readonly watch: (path: string, mask: number, onEvent: () => void) => { remove(): void };
}

const IN_MODIFY = 0x2;
/** While the log is busy its size is looked at this often at least; while it is idle, never. */
const LOOK_AGAIN = 250;
/** And this often at most, when it may be full before long. */
const LOOK_SOON = 20;
/** After a rotation that failed: each attempt costs a line in a log that is too large already. */
const AFTER_FAILURE = 60_000;

export class LogFile {
  readonly #settings: LogFileSettings;
  readonly #deps: LogFileDeps;
  readonly #tree: FileTree;
  #fd = -1;
  #watch: { remove(): void } | null = null;
  #timer: { cancel(): void } | null = null;
  #watching = false;
  #kept: { remove(): void } | null = null;
  /** The size at the last look, and when that was. */
  #looked = { at: -Infinity, size: 0 };
  /** Milliseconds from an event to the next look. */
  #pause = LOOK_SOON;
  /** Why the file is never rotated; null: it can be. */
  #notRotated: string | null = null;
  #rotating: Promise<boolean> | null = null;

  constructor(settings: LogFileSettings, deps: LogFileDeps) {
    this.#settings = settings;
    this.#tree = settings.tree ?? HOST_TREE;
    this.#deps = deps;
  }

  /** Opens and installs the file. Throws an Error (`cannot open log file "..."`): at start that is fatal. */
  open(options: { readonly truncate: boolean }): void {
    const fd = openLogFile(this.#settings.path, this.#settings);
    if (options.truncate && fstatSync(fd).isFile()) ftruncateSync(fd, 0);
    this.#install(fd);
  }

  get isOpen(): boolean {
    return this.#fd !== -1;
  }

  /** Takes a descriptor that already is this log: after an execve of reeve, fds 1 and 2 are as they were. */
  adopt(fd: number): void {
    this.#fd = fd;
    if (this.#watching) this.#watchFile();
  }

  /** Opens the file by its name anew. Daemons that already run keep the old file. */
  reopen(): void {
    try {
      this.#reopen("reopened");
    } catch (problem) {
      this.#deps.log(
        "error",
        `cannot reopen the log, going on with the file that is open: ${errorText(problem)}`,
      );
    }
  }

  /**
   * Begins a new file. Answers whether it did (a failure is logged); a second call joins the one under way.
   */
  rotate(): Promise<boolean> {
    this.#rotating ??= this.#rotate().then(() => true, (problem: unknown) => {
      this.#deps.log("error", `cannot rotate log file "${this.#settings.path}": ${errorText(problem)}`);
      return false;
    }).finally(() => {
      this.#rotating = null;
    });
    return this.#rotating;
  }

  /**
   * From now on the log is rotated once it is larger than maxSize, and reopened when its path leads to
   * another file.
   */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    if (this.#fd !== -1) this.#watchFile();
  }

  close(): void {
    this.#watching = false;
    this.#disarm();
    this.#kept?.remove();
    this.#kept = null;
  }

  #reopen(how: string): void {
    const { path } = this.#settings;
    this.#install(openLogFile(path, this.#settings));
    this.#deps.log("info", `log file "${path}" ${how}`);
  }

  /** For the file that is open now. */
  #watchFile(): void {
    const { path, maxSize } = this.#settings;
    this.#notRotated = this.#whyNotRotated();
    if (this.#notRotated === null) {
      this.#kept ??= this.#deps.keep(path, {
        isThere: () => this.#isAtPath(),
        restore: () =>
          this.#reopen(
            this.#statusOf(path) === null
              ? "was gone: it is made again"
              : "was replaced: the new one is open",
          ),
      });
    } else {
      this.#kept?.remove();
      this.#kept = null;
    }
    if (maxSize <= 0) return;
    if (this.#notRotated === null) this.#lookAtSize();
    else this.#deps.log("warning", `log-maxsize has no effect: log file "${path}" ${this.#notRotated}`);
  }

  #whyNotRotated(): string | null {
    if (!fstatSync(this.#fd).isFile()) return "is not a regular file";
    // Its backup would be in /dev or /proc, and what it is called outside of reeve is not known.
    return this.#tree === HOST_TREE && isDescriptorName(this.#settings.path)
      ? "is the name of an open descriptor; name the file itself"
      : null;
  }

  #isAtPath(): boolean {
    try {
      const named = this.#statusOf(this.#settings.path);
      const { ino, dev } = fstatSync(this.#fd);
      return named !== null && named.ino === ino && named.dev === dev;
    } catch {
      return false;
    }
  }

  #install(fd: number): void {
    // The old watch is of the old file.
    this.#disarm();
    this.#fd = this.#deps.install(fd);
    if (this.#watching) this.#watchFile();
  }

  async #rotate(): Promise<void> {
    const { path } = this.#settings;
    const why = this.#whyNotRotated();
    if (why !== null) throw new Error(`it ${why}`);
    const { size } = fstatSync(this.#fd);
    if (!this.#isAtPath()) {
      // Another program moved it away already: to rename what has the name now would lose that program's
      // file.
      this.reopen();
      return;
    }
    const backup = this.#backupName();
    this.#deps.repeats.say("rotation", "info", `logsize: ${size}, triggering rotation to ${backup}...`);
    this.#deps.written(backup);
    if (!this.#deps.isShared() && this.#renameAway(backup)) return;
    const { lost } = await copyAndTruncate({
      fd: this.#fd,
      path,
      backup,
      tree: this.#tree,
      written: this.#deps.written,
    });
    if (lost === 0) return;
    const text = `${lost} bytes of the log were lost while it was rotated`;
    this.#deps.repeats.say("lost in rotation", "warning", text);
  }

  /** False when the backup is on another file system, or similar: then it has to be copied. */
  #renameAway(backup: string): boolean {
    const { path } = this.#settings;
    try {
      this.#rename(path, backup);
    } catch (problem) {
      if (errorCode(problem) === "EXDEV") return false;
      throw problem;
    }
    let fd: number;
    try {
      fd = openLogFile(path, this.#settings);
    } catch (problem) {
      // reeve still writes to the renamed file; give it its name back.
      if (!this.#isTaken(path)) this.#rename(backup, path);
      throw problem;
    }
    this.#install(fd);
    return true;
  }

  #backupName(): string {
    const { path, backupName } = this.#settings;
    const now = this.#deps.now();
    if (backupName !== null) return strftime(backupName, new Date(now));
    const name = `${path}.${Math.floor(now / 1000)}`;
    // Two rotations in one second must not overwrite each other.
    let free = name;
    for (let count = 1; this.#isTaken(free); count++) free = `${name}.${count}`;
    return free;
  }

  #rename(from: string, to: string): void {
    this.#tree.entry(from, "use", (old) => this.#tree.entry(to, "use", (fresh) => renameSync(old, fresh)));
  }

  #statusOf(path: string): Stats | null {
    try {
      return this.#tree.target(path, "look", (target) => statSync(target));
    } catch (problem) {
      if (errorCode(problem) === "ENOENT") return null;
      throw problem;
    }
  }

  #isTaken(path: string): boolean {
    try {
      this.#tree.entry(path, "look", (entry) => lstatSync(entry));
      return true;
    } catch {
      return false;
    }
  }

  #lookAtSize(): void {
    this.#disarm();
    if (!this.#watching || this.#notRotated !== null) return;
    this.#arm();
    // Looked at once the watch is set, so that nothing written meanwhile is missed.
    let size: number;
    try {
      size = fstatSync(this.#fd).size;
    } catch {
      return;
    }
    this.#setPause(size);
    if (size <= this.#settings.maxSize) return;
    this.#disarm();
    void this.rotate().then((done) => this.#later(done ? this.#pause : AFTER_FAILURE));
  }

  /**
   * At the present rate half of what is left, all of it once the file is rotated, is written in the pause.
   */
  #setPause(size: number): void {
    const { maxSize } = this.#settings;
    const now = this.#deps.now();
    const passed = now - this.#looked.at;
    const grown = size - this.#looked.size;
    const rest = size > maxSize ? 0 : size;
    // A look right after the last one, as at a file that was begun just now, tells nothing.
    if (passed >= 0 && passed < LOOK_SOON / 2) {
      this.#looked.size = Math.min(this.#looked.size, rest);
      return;
    }
    const pause = grown > 0 ? (maxSize - rest) / 2 / (grown / passed) : LOOK_AGAIN;
    if (passed < Infinity) this.#pause = Math.min(Math.max(pause, LOOK_SOON), LOOK_AGAIN);
    this.#looked = { at: now, size: rest };
  }

  #arm(): void {
    const onEvent = () => {
      this.#disarm();
      // After a rest the rate of before says nothing.
      const isRested = this.#deps.now() - this.#looked.at > LOOK_AGAIN;
      this.#later(isRested ? LOOK_SOON : this.#pause);
    };
    try {
      // By descriptor: the name may mean another file by now.
      this.#watch = this.#deps.watch(`/proc/self/fd/${this.#fd}`, IN_MODIFY, onEvent);
    } catch {
      try {
        const watch = (path: string): { remove(): void } => this.#deps.watch(path, IN_MODIFY, onEvent);
        this.#watch = this.#tree.target(this.#settings.path, "look", watch);
      } catch (problem) {
        this.#watching = false;
        this.#deps.log(
          "warning",
          `cannot watch the log's size, log-maxsize has no effect: ${errorText(problem)}`,
        );
      }
    }
  }

  #later(milliseconds: number): void {
    if (!this.#watching) return;
    this.#disarm();
    this.#timer = this.#deps.timers.after(milliseconds, () => this.#lookAtSize());
  }

  #disarm(): void {
    this.#watch?.remove();
    this.#watch = null;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
