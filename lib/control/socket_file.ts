/**
 * The control socket in the file system: made, found to be gone, and removed. Must never replace what is not
 * a socket of our own that nobody serves, nor open a directory wider than a name needs to be reached.
 */
import { chmodSync, lstatSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorText } from "../sys/error_text.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { listenAt } from "../sys/socket/scm.ts";

export interface ControlSocketOptions {
  /** The run directory, which nobody else can write to. */
  readonly directory: string;
  /** Directories above it that reeve has made for all its instances. */
  readonly above: readonly string[];
  /** control-path; null: in the run directory. */
  readonly path: string | null;
  /** Others than root and reeve's own user may connect: who may do what is seen at their connect. */
  readonly isShared: boolean;
  /** reeve's effective uid. */
  readonly uid: number;
}

/** In the run directory: the socket, or a link to it. */
const CONTROL_NAME = "control";
const BACKLOG = 256;
/** A directory that lets everybody through, and nobody look. */
const PASSABLE = 0o711;

/** `path`: control-path, or null. */
export function controlPath(directory: string, path: string | null): string {
  return path === null ? join(directory, CONTROL_NAME) : resolve(path);
}

/** A socket that listens, and its file, for the next core: nobody is refused meanwhile. */
export interface HeldSocket {
  readonly fd: number;
  /** Both decimal. */
  readonly dev: string;
  readonly ino: string;
}

export class ControlSocket {
  readonly path: string;
  readonly #options: ControlSocketOptions;
  #fd: number;
  #ino = 0n;
  #dev = 0n;

  /**
   * `held`: used where it still has the path and the mode that are wanted, else closed. Throws an Error with
   * a complete text.
   */
  constructor(options: ControlSocketOptions, held: HeldSocket | null) {
    const standard = controlPath(options.directory, null);
    this.#options = options;
    this.path = controlPath(options.directory, options.path);
    if (held !== null && this.#takesOver(held)) {
      this.#fd = held.fd;
      return;
    }
    removeLink(standard);
    try {
      if (held !== null) closeFd(held.fd);
      this.#fd = this.#listen();
      if (this.path !== standard) this.#link(standard);
    } catch (error) {
      throw new Error(`cannot make the control socket "${this.path}": ${errorText(error)}`, { cause: error });
    }
  }

  /** Listens; it is closed by `close` alone. */
  get fd(): number {
    return this.#fd;
  }

  get held(): HeldSocket {
    return { fd: this.#fd, dev: String(this.#dev), ino: String(this.#ino) };
  }

  /** Whether the path leads to it. */
  isThere(): boolean {
    const found = lstatSync(this.path, { throwIfNoEntry: false, bigint: true });
    return found !== undefined && found.ino === this.#ino && found.dev === this.#dev;
  }

  /** Its name goes as well, where it still leads here. */
  close(): void {
    closeFd(this.#fd);
    try {
      if (this.isThere()) unlinkSync(this.path);
      removeLink(controlPath(this.#options.directory, null));
    } catch {
      // Somebody else has removed it.
    }
  }

  #takesOver({ dev, ino }: HeldSocket): boolean {
    const found = lstatSync(this.path, { throwIfNoEntry: false, bigint: true });
    if (found === undefined || String(found.dev) !== dev || String(found.ino) !== ino) return false;
    if ((Number(found.mode) & 0o777) !== this.#mode) return false;
    this.#dev = found.dev;
    this.#ino = found.ino;
    return true;
  }

  get #mode(): number {
    return this.#options.isShared ? 0o666 : 0o600;
  }

  #listen(): number {
    const { isShared, directory, above, uid } = this.#options;
    const fd = listenAt(this.path, this.#mode, { backlog: BACKLOG, owner: uid });
    try {
      const { ino, dev } = lstatSync(this.path, { bigint: true });
      this.#ino = ino;
      this.#dev = dev;
      // A socket elsewhere is where the administrator wants it.
      if (isShared && dirname(this.path) === directory) letThrough([directory, ...above], uid);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  #link(standard: string): void {
    try {
      symlinkSync(this.path, standard);
    } catch (error) {
      closeFd(this.#fd);
      unlinkSync(this.path);
      throw error;
    }
  }
}

/** Directories of our own; another's is as its owner wants it. */
function letThrough(directories: readonly string[], uid: number): void {
  for (const directory of directories) {
    const status = lstatSync(directory);
    if (status.isDirectory() && status.uid === uid && (status.mode & PASSABLE) !== PASSABLE) {
      chmodSync(directory, status.mode & 0o7777 | PASSABLE);
    }
  }
}

/** A link that an instance with a control-path has left. */
function removeLink(path: string): void {
  if (isLink(path)) unlinkSync(path);
}

function isLink(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
