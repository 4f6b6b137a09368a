/**
 * master-fifo: one byte written to a named pipe is one command, as in uWSGI. Up to ten paths are slots, of
 * which one is active: "0" to "9" select it, which hands a path over between two instances. A FIFO that is
 * removed is made again, one that somebody of ours puts in its place is used. Never unlinks what is not a
 * FIFO of its own, never sees an end of file, never waits, and says no more of a flood of bytes than of a
 * few.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
} from "node:fs";
import type { InstanceCommand, PlainCommand } from "./commands.ts";
import { makeFifo } from "../sys/file/fifo.ts";
import type { Watcher } from "../sys/file/watcher.ts";
import type { Repeats } from "../log/repeats.ts";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { Pace, type PaceDeps } from "../sys/pace.ts";
import type { KeepPath } from "../sys/file/kept.ts";

export interface FifoDeps extends PaceDeps {
  readonly watcher: Pick<Watcher, "add">;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
  /** For lines of which each byte could be one. */
  readonly repeats: Pick<Repeats, "say">;
  readonly keep: KeepPath;
  /** reeve's effective uid. */
  readonly uid: number;
  /** The instance's user, to whom the FIFO belongs as if it had made it; null: reeve's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

const MOST_SLOTS = 10;
const MODE = 0o600;
const BUFFER_SIZE = 4096;
/** Reads in one turn of the event loop: a flood of bytes must not keep the daemons waiting. */
const MOST_READS = 16;

const COMMANDS: Readonly<Record<string, PlainCommand>> = {
  q: "stop",
  Q: "stopNow",
  r: "reload",
  // uWSGI's brutal reload does not wait for requests: there are none here.
  R: "reload",
  l: "reopenLog",
  L: "rotateLog",
  p: "pause",
  P: "updatePidfiles",
  s: "logState",
};

/** Letters of uWSGI that are about workers, subscriptions and the emperor. */
const OF_APPLICATION_SERVER = new Set("+-BcCEfSwW");

interface OpenFifo {
  readonly fd: number;
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly watch: { remove(): void };
}

const SAFELY = constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;
const OPEN = constants.O_RDWR | SAFELY;
const WRITE = constants.O_WRONLY | SAFELY;

export class MasterFifo {
  readonly #paths: readonly string[];
  readonly #deps: FifoDeps;
  readonly #perform: (command: InstanceCommand) => void;
  /** Limits changes of the slot, each of which makes a FIFO. */
  readonly #slotPace: Pace;
  #open: OpenFifo | null = null;
  #kept: { remove(): void } | null = null;

  /** `paths` are absolute, in the order of the slots. */
  constructor(paths: readonly string[], deps: FifoDeps, perform: (command: InstanceCommand) => void) {
    this.#paths = paths.slice(0, MOST_SLOTS);
    this.#deps = deps;
    this.#perform = perform;
    this.#slotPace = new Pace(deps);
    for (const path of paths.slice(MOST_SLOTS)) {
      deps.log("warning", `master-fifo "${path}" has no slot: there are ${MOST_SLOTS}`);
    }
  }

  /** Makes and opens slot 0. Throws an Error (`cannot make master-fifo "..."`): at start that is fatal. */
  start(): void {
    const path = this.#paths[0];
    if (path !== undefined) this.#use(this.#make(path));
  }

  /** `unlink` (vacuum): the FIFO goes as well, if it still is this one. */
  close(unlink: boolean): void {
    const open = this.#open;
    this.#slotPace.cancel();
    this.#letGo();
    if (!unlink || open === null || !isAt(open.path, open)) return;
    try {
      unlinkSync(open.path);
    } catch {
      // Gone already, or no longer ours to remove.
    }
  }

  #use(open: OpenFifo): void {
    this.#letGo();
    this.#open = open;
    this.#kept = this.#deps.keep(open.path, {
      isThere: () => this.#open !== null && isAt(open.path, this.#open),
      restore: () => this.#restore(open.path),
    });
  }

  #letGo(): void {
    this.#kept?.remove();
    this.#kept = null;
    if (this.#open !== null) this.#shut(this.#open);
    this.#open = null;
  }

  #shut(open: OpenFifo): void {
    open.watch.remove();
    closeSync(open.fd);
  }

  #make(path: string): OpenFifo {
    try {
      removeOld(path, this.#deps);
      makeFifo(path, MODE);
      return this.#openAt(path);
    } catch (problem) {
      throw new Error(`cannot make master-fifo "${path}": ${errorText(problem)}`, { cause: problem });
    }
  }

  /** The path of the active slot leads elsewhere. Throws an Error where it must not be used. */
  #restore(path: string): void {
    const before = this.#open;
    if (before === null) return;
    const isGone = lstatSync(path, { throwIfNoEntry: false }) === undefined;
    const next = isGone ? this.#make(path) : this.#takeOver(path);
    // Letters written into the old one were meant for this instance.
    this.#read();
    if (this.#open !== before) return this.#shut(next);
    this.#shut(before);
    this.#open = next;
    this.#deps.log(
      "warning",
      isGone
        ? `master-fifo "${path}" was gone: it is made again`
        : `master-fifo "${path}" was replaced: the new one is open`,
    );
  }

  /** Not made afresh, as at a start: whoever put it there may have written to it already. */
  #takeOver(path: string): OpenFifo {
    try {
      checkOld(path, this.#deps);
      if (hasReader(path)) throw new Error("somebody reads it already; give each instance a FIFO of its own");
      return this.#openAt(path);
    } catch (problem) {
      throw new Error(`cannot use the new master-fifo "${path}": ${errorText(problem)}`, { cause: problem });
    }
  }

  #openAt(path: string): OpenFifo {
    // Read and write: with a writer of its own it never comes to an end of file.
    const fd = openSync(path, OPEN);
    try {
      const { uid, owner, watcher } = this.#deps;
      const status = fstatSync(fd, { bigint: true });
      const isOurs = [uid, owner?.uid].includes(Number(status.uid)) && status.nlink === 1n;
      if (!status.isFIFO() || !isOurs) throw new Error("somebody else replaced it");
      fchmodSync(fd, MODE);
      if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
      const watch = watcher.add(fd, () => this.#read());
      return { fd, path, dev: status.dev, ino: status.ino, watch };
    } catch (problem) {
      closeSync(fd);
      throw problem;
    }
  }

  #read(): void {
    const buffer = Buffer.allocUnsafe(BUFFER_SIZE);
    const open = this.#open;
    for (let count = 0; count < MOST_READS && this.#open === open && open !== null; count++) {
      let length: number;
      try {
        length = readSync(open.fd, buffer);
      } catch (problem) {
        if ((problem as { code?: unknown }).code !== "EAGAIN") {
          this.#deps.log(
            "error",
            `cannot read master-fifo "${open.path}", it is closed: ${errorText(problem)}`,
          );
          this.close(false);
        }
        return;
      }
      if (length === 0) return;
      // Letters behind a change of slot in the same write were meant for this instance all the same.
      for (const letter of buffer.toString("latin1", 0, length)) this.#command(letter);
    }
  }

  #command(letter: string): void {
    const { repeats } = this.#deps;
    if (letter >= "0" && letter <= "9") return this.#digit(Number(letter));
    const command = COMMANDS[letter];
    if (command !== undefined) {
      repeats.say(`master-fifo ${letter}`, "info", `master-fifo: "${letter}" received`);
      this.#perform({ do: command });
    } else if (OF_APPLICATION_SERVER.has(letter)) {
      repeats.say(
        "master-fifo foreign",
        "info",
        `master-fifo: "${letter}" is a command for the application server, nothing is done`,
      );
    }
  }

  #digit(slot: number): void {
    const path = this.#paths[slot];
    if (path !== undefined) return this.#slotPace.ask(() => this.#select(path));
    const text = `master-fifo: there is no slot ${slot}, the configuration has ${this.#paths.length}`;
    this.#deps.repeats.say("master-fifo slot", "warning", text);
  }

  #select(path: string): void {
    if (this.#open?.path !== path) {
      try {
        // The old path stays: another instance takes it over.
        this.#use(this.#make(path));
      } catch (problem) {
        return this.#deps.log("error", `master-fifo stays as it is: ${errorText(problem)}`);
      }
    }
    this.#deps.log("info", `active master fifo is now ${path}`);
  }
}

function isAt(path: string, { dev, ino }: Pick<OpenFifo, "dev" | "ino">): boolean {
  try {
    const found = lstatSync(path, { bigint: true });
    return found.dev === dev && found.ino === ino;
  } catch {
    return false;
  }
}

/** With two readers each would get some of the letters. */
function hasReader(path: string): boolean {
  try {
    closeSync(openSync(path, WRITE));
    return true;
  } catch (problem) {
    if (errorCode(problem) === "ENXIO") return false;
    throw problem;
  }
}

/** Throws where there is something that is not ours to use. false: there is nothing. */
function checkOld(path: string, { uid, owner }: FifoDeps): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isFIFO()) {
    throw new Error("there is something that is not a FIFO; remove it or choose another path");
  }
  if (found.uid !== uid && found.uid !== owner?.uid) {
    throw new Error(`there is a FIFO of user ${found.uid}; remove it or choose another path`);
  }
  return true;
}

function removeOld(path: string, deps: FifoDeps): void {
  if (checkOld(path, deps)) unlinkSync(path);
}
