/**
 * The file that logto, logto2 and daemonize name: put on fds 1 and 2 of reeve, from where the daemons inherit it.
 * Reopened by name, rotated on demand or by size. Once open it never throws: a log that cannot be rotated or reopened
 * is one clear line, and reeve goes on with the file it has.
 */
import { fstatSync, ftruncateSync, lstatSync, renameSync, type Stats, statSync } from "node:fs";
import { openLogFile, type OpenLogOptions } from "./log_file_open.ts";
import { copyAndTruncate } from "./log_rotation.ts";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
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

export interface LogFileWorld {
  /** Puts an open file on fds 1 and 2, closes it, and answers the descriptor that holds the log from now on. */
  readonly install: (fd: number) => number;
  /** Whether processes other than reeve may have the present file open: then it is copied and emptied in place. */
  readonly isShared: () => boolean;
  readonly log: (level: "error" | "warning" | "info", text: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly timers: Timers;
  /** inotify; a watch that cannot be set throws. */
  readonly watch: (path: string, mask: number, onEvent: () => void) => { remove(): void };
}

const IN_MODIFY = 0x2;
/** While the log is busy its size is looked at this often; while it is idle, never. */
const LOOK_AGAIN = 1000;
/** After a rotation that failed: each attempt costs a line in a log that is too large already. */
const AFTER_FAILURE = 60_000;

export class LogFile {
  readonly #settings: LogFileSettings;
  readonly #world: LogFileWorld;
  readonly #tree: FileTree;
  #fd = -1;
  #watch: { remove(): void } | null = null;
  #timer: { cancel(): void } | null = null;
  #watching = false;
  #rotating: Promise<boolean> | null = null;

  constructor(settings: LogFileSettings, world: LogFileWorld) {
    this.#settings = settings;
    this.#tree = settings.tree ?? HOST_TREE;
    this.#world = world;
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
    if (this.#watching) this.#lookAtSize();
  }

  /** Opens the file by its name anew. Daemons that already run keep the old file. */
  reopen(): void {
    try {
      this.#install(openLogFile(this.#settings.path, this.#settings));
      this.#world.log("info", `log file "${this.#settings.path}" reopened`);
    } catch (problem) {
      this.#world.log(
        "error",
        `cannot reopen the log, going on with the file that is open: ${errorText(problem)}`,
      );
    }
  }

  /** Begins a new file. Answers whether it did (a failure is logged); a second call joins the one under way. */
  rotate(): Promise<boolean> {
    this.#rotating ??= this.#rotate().then(() => true, (problem: unknown) => {
      this.#world.log("error", `cannot rotate log file "${this.#settings.path}": ${errorText(problem)}`);
      return false;
    }).finally(() => {
      this.#rotating = null;
    });
    return this.#rotating;
  }

  /** From now on the log is rotated once it is larger than maxSize. */
  watchSize(): void {
    if (this.#settings.maxSize <= 0 || this.#watching) return;
    this.#watching = true;
    if (this.#fd !== -1) this.#lookAtSize();
  }

  close(): void {
    this.#watching = false;
    this.#disarm();
  }

  #install(fd: number): void {
    // The old watch is of the old file.
    this.#disarm();
    this.#fd = this.#world.install(fd);
    if (this.#watching) this.#lookAtSize();
  }

  async #rotate(): Promise<void> {
    const { path } = this.#settings;
    const status = fstatSync(this.#fd);
    if (!status.isFile()) throw new Error("it is not a regular file");
    const named = this.#statusOf(path);
    if (named === null || named.ino !== status.ino || named.dev !== status.dev) {
      // Another program moved it away already: to rename what has the name now would lose that program's file.
      this.reopen();
      return;
    }
    const backup = this.#backupName();
    this.#world.log("info", `logsize: ${status.size}, triggering rotation to ${backup}...`);
    if (!this.#world.isShared() && this.#renameAway(backup)) return;
    const { lost } = await copyAndTruncate(this.#fd, path, backup, this.#tree);
    if (lost > 0) this.#world.log("warning", `${lost} bytes of the log were lost while it was rotated`);
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
    const now = this.#world.now();
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
    if (!this.#watching) return;
    this.#arm();
    // Looked at once the watch is set, so that nothing written meanwhile is missed.
    let size: number;
    try {
      size = fstatSync(this.#fd).size;
    } catch {
      return;
    }
    if (size <= this.#settings.maxSize) return;
    this.#disarm();
    void this.rotate().then((done) => this.#later(done ? LOOK_AGAIN : AFTER_FAILURE));
  }

  #arm(): void {
    const onEvent = () => {
      this.#disarm();
      this.#later(LOOK_AGAIN);
    };
    try {
      // By descriptor: the name may mean another file by now.
      this.#watch = this.#world.watch(`/proc/self/fd/${this.#fd}`, IN_MODIFY, onEvent);
    } catch {
      try {
        const watch = (path: string): { remove(): void } => this.#world.watch(path, IN_MODIFY, onEvent);
        this.#watch = this.#tree.target(this.#settings.path, "look", watch);
      } catch (problem) {
        this.#watching = false;
        this.#world.log(
          "warning",
          `cannot watch the log's size, log-maxsize has no effect: ${errorText(problem)}`,
        );
      }
    }
  }

  #later(milliseconds: number): void {
    if (!this.#watching) return;
    this.#disarm();
    this.#timer = this.#world.timers.after(milliseconds, () => this.#lookAtSize());
  }

  #disarm(): void {
    this.#watch?.remove();
    this.#watch = null;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
