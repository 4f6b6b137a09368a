/**
 * Writes small files so that a reader sees the old contents or the new ones and never a part: a temporary
 * name in the same directory, then rename. Must never leave the temporary file behind, nor follow a link that
 * stands where the file is to be.
 */
import { fchmodSync, fsyncSync, ftruncateSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { cString, integer, userId } from "../checks.ts";
import { closeFd, writeAll } from "./descriptor.ts";
import { SysError } from "../errno.ts";
import { openDirectory, openInRoot } from "./files.ts";
import { native, unwrap } from "../native/native.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "../native/constants.ts";

/** The name that a file has until it is whole. */
export const TEMPORARY_NAME = /^\.reeve-[0-9a-f]{16}$/;

export function temporaryName(): string {
  return `.reeve-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;
}

export interface AtomicOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  /** null: reeve's own. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
  /** Wait until the disk has it; for files that a crash of the machine must not lose. */
  readonly sync?: boolean;
  /**
   * The directory that stands for "/": no link leads out of it. Needed while the file is made and no longer.
   * Default: reeve's.
   */
  readonly root?: number;
}

/**
 * Replaces or makes the file. Throws SysError (ENOSPC, EDQUOT, EROFS, EACCES, ENOENT ...), and nothing has
 * changed then.
 */
export function writeAtomically(path: string, bytes: Uint8Array, options: AtomicOptions): void {
  const file = prepareFile(path, bytes.length, options);
  file.commit(bytes);
}

/**
 * The first half of `writeAtomically`: makes the temporary file and takes `capacity` bytes of the disk for
 * it, so that what can fail has failed before something is started of which the file shall tell. Throws
 * SysError.
 */
export function prepareFile(path: string, capacity: number, options: AtomicOptions): PreparedFile {
  return new PreparedFile(path, capacity, options);
}

export class PreparedFile {
  readonly path: string;
  readonly #name: string;
  readonly #temporary = temporaryName();
  readonly #sync: boolean;
  #directory = -1;
  #fd = -1;

  constructor(path: string, capacity: number, options: AtomicOptions) {
    integer(options.mode, "mode", 0, 0o7777);
    integer(capacity, "capacity", 0, 1 << 30);
    this.path = path;
    this.#name = basename(path);
    this.#sync = options.sync ?? false;
    if (this.#name === "" || path.endsWith("/")) {
      throw new RangeError(`path ${JSON.stringify(path)} names no file`);
    }
    this.#attempt(() => {
      this.#directory = options.root === undefined
        ? openDirectory(dirname(path))
        : openInRoot(options.root, dirname(path), { followLast: true, access: "directory" });
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      const opened = native().reeve_openat(
        this.#directory,
        cString(this.#temporary, "path"),
        flags,
        0o600,
        0,
      );
      this.#fd = unwrap("openat", opened, { doing: "write", path });
      const owner = options.owner ?? null;
      if (owner !== null) {
        const changed = native().reeve_chown(this.#fd, userId(owner.uid, "uid"), userId(owner.gid, "gid"));
        unwrap("fchown", changed, { doing: "set the owner of", path });
      }
      fchmodSync(this.#fd, options.mode);
      // Written and not only reserved: file systems differ in what a reservation is worth.
      writeAll(this.#fd, new Uint8Array(capacity).fill(0x20), { doing: "write", path });
    });
  }

  /** The directory that the file will be in, open until the end; for whoever has to know who led it there. */
  get directory(): number {
    return this.#directory;
  }

  /** Fills the file and puts it in its place. Throws SysError, the temporary file removed. */
  commit(bytes: Uint8Array): void {
    if (this.#fd < 0) throw new Error(`"${this.path}" was committed or aborted before`);
    this.#attempt(() => {
      ftruncateSync(this.#fd, bytes.length);
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(this.#fd, bytes, written, bytes.length - written, written);
      }
      if (this.#sync) fsyncSync(this.#fd);
      const from = cString(this.#temporary, "path");
      const renamed = native().reeve_renameat(this.#directory, from, cString(this.#name, "path"));
      unwrap("renameat", renamed, { doing: "write", path: this.path });
    });
    this.#close();
  }

  /** Removes the temporary file; harmless after `commit` and after itself. */
  abort(): void {
    if (this.#fd >= 0) native().reeve_unlinkat(this.#directory, cString(this.#temporary, "path"), 0);
    this.#close();
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.abort();
      throw asSysError(error, this.path);
    }
  }

  #close(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    if (this.#directory >= 0) closeFd(this.#directory);
    this.#fd = this.#directory = -1;
  }
}

/** The runtime's own file errors in the form that all others have. */
function asSysError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof SysError) return error;
  const { errno, syscall } = error as Error & { errno?: unknown; syscall?: unknown };
  if (typeof errno !== "number" || typeof syscall !== "string") return error;
  return new SysError(syscall, Math.abs(errno), { doing: "write", path });
}
