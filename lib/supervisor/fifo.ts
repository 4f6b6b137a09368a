/**
 * master-fifo: one byte written to a named pipe is one command, as in uWSGI. Up to ten paths are slots, of which one is
 * active: "0" to "9" select it, which hands a path over between two instances. Never unlinks what is not a FIFO of its
 * own, never sees an end of file, never waits.
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
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { MESSAGES } from "./messages.ts";
import { makeFifo } from "../sys/file/fifo.ts";
import type { Watcher } from "../sys/file/watcher.ts";
import { errorText } from "../sys/error_text.ts";

export interface FifoWorld {
  readonly watcher: Pick<Watcher, "add">;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
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

export class MasterFifo {
  readonly #paths: readonly string[];
  readonly #world: FifoWorld;
  readonly #perform: (command: InstanceCommand) => void;
  #open: OpenFifo | null = null;

  /** `paths` are absolute, in the order of the slots. */
  constructor(paths: readonly string[], world: FifoWorld, perform: (command: InstanceCommand) => void) {
    this.#paths = paths.slice(0, MOST_SLOTS);
    this.#world = world;
    this.#perform = perform;
    for (const path of paths.slice(MOST_SLOTS)) {
      world.log("warning", `master-fifo "${path}" has no slot: there are ${MOST_SLOTS}`);
    }
  }

  /** Makes and opens slot 0. Throws an Error (`cannot make master-fifo "..."`): at start that is fatal. */
  start(): void {
    const path = this.#paths[0];
    if (path !== undefined) this.#open = this.#make(path);
  }

  /** `unlink` (vacuum): the FIFO goes as well, if it still is this one. */
  close(unlink: boolean): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    open.watch.remove();
    closeSync(open.fd);
    if (!unlink) return;
    try {
      const found = lstatSync(open.path, { bigint: true });
      if (found.ino === open.ino && found.dev === open.dev) unlinkSync(open.path);
    } catch {
      // Gone already, or no longer ours to remove.
    }
  }

  #make(path: string): OpenFifo {
    let fd = -1;
    try {
      removeOld(path, this.#world);
      makeFifo(path, MODE);
      // Read and write: with a writer of its own it never comes to an end of file.
      fd = openSync(
        path,
        constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY,
      );
      const status = fstatSync(fd, { bigint: true });
      if (!status.isFIFO() || Number(status.uid) !== this.#world.uid) {
        throw new Error("somebody else replaced it");
      }
      fchmodSync(fd, MODE);
      if (this.#world.owner !== null) fchownSync(fd, this.#world.owner.uid, this.#world.owner.gid);
      const watch = this.#world.watcher.add(fd, () => this.#read());
      return { fd, path, dev: status.dev, ino: status.ino, watch };
    } catch (problem) {
      if (fd !== -1) closeSync(fd);
      throw new Error(`cannot make master-fifo "${path}": ${errorText(problem)}`, { cause: problem });
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
          this.#world.log(
            "error",
            `cannot read master-fifo "${open.path}", it is closed: ${errorText(problem)}`,
          );
          this.close(false);
        }
        return;
      }
      if (length === 0) return;
      // What is behind a change of slot in the same write was meant for this instance all the same.
      for (const letter of buffer.toString("latin1", 0, length)) this.#command(letter);
    }
  }

  #command(letter: string): void {
    if (letter >= "0" && letter <= "9") return this.#select(Number(letter));
    const command = COMMANDS[letter];
    if (command !== undefined) {
      this.#world.log("info", `master-fifo: "${letter}" received`);
      this.#perform({ do: command });
    } else if (OF_APPLICATION_SERVER.has(letter)) {
      this.#world.log(
        "info",
        `master-fifo: "${letter}" is a command for the application server, nothing is done`,
      );
    }
  }

  #select(slot: number): void {
    const path = this.#paths[slot];
    if (path === undefined) {
      this.#world.log(
        "warning",
        `master-fifo: there is no slot ${slot}, the configuration has ${this.#paths.length}`,
      );
      return;
    }
    if (this.#open?.path !== path) {
      let next: OpenFifo;
      try {
        next = this.#make(path);
      } catch (problem) {
        this.#world.log("error", `master-fifo stays as it is: ${errorText(problem)}`);
        return;
      }
      // The old path stays: another instance takes it over.
      this.close(false);
      this.#open = next;
    }
    this.#world.log("info", MESSAGES.activeFifo(path));
  }
}

function removeOld(path: string, world: FifoWorld): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isFIFO()) {
    throw new Error("there is something that is not a FIFO; remove it or choose another path");
  }
  if (found.uid !== world.uid && found.uid !== world.owner?.uid) {
    throw new Error(`there is a FIFO of user ${found.uid}; remove it or choose another path`);
  }
  unlinkSync(path);
}
