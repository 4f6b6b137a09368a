/**
 * The birthmarks that one run of reeve gives: to each start of a dumb daemon its own, so that what the daemon
 * forked is known when the daemon has ended. Must never give a mark that the limits of this process do not
 * allow: then there is none, and a daemon's session alone tells.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import { statSync } from "node:fs";
import { bootId } from "../sys/process/identity.ts";
import type { Limit } from "../sys/process/limits.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";
import { type Birthmark, HIGHEST_MARK, instanceNumber, limitOf, parseBirthmark } from "./birthmark.ts";

export interface BirthmarkOptions {
  /**
   * Null: the instance is told from others by this process alone, and marks mean nothing to a later reeve.
   */
  readonly runDir: string | null;
  /** RLIMIT_LOCKS of this process. */
  readonly limit: Limit;
  /**
   * Boot-time ticks: with a hundred a second, no number comes twice while processes that bear it may live.
   */
  readonly now: bigint;
}

export class Birthmarks {
  /** Null: there are none here. */
  readonly instance: number | null;
  readonly #hard: bigint;
  readonly #starts = new Map<number, number>();
  #next: number;

  constructor({ runDir, limit, now }: BirthmarkOptions) {
    this.instance = limit.hard < HIGHEST_MARK ? null : instanceNumber(identityOf(runDir));
    this.#hard = limit.hard;
    this.#next = Number(BigInt.asUintN(32, now));
  }

  /** The mark of the next start, and the limit in which it is. Null: there can be none. */
  next(): { readonly start: number; readonly limit: Limit } | null {
    if (this.instance === null) return null;
    const start = this.#next;
    this.#next = (start + 1) >>> 0;
    return { start, limit: { soft: limitOf({ instance: this.instance, start }), hard: this.#hard } };
  }

  /** The daemon that `pid` is was born with that mark. */
  remember(pid: number, start: number): void {
    this.#starts.set(pid, start);
  }

  /** To be called when nothing of the daemon is left. */
  forget(pid: number): void {
    this.#starts.delete(pid);
  }

  startOf(leader: number): number | null {
    return this.#starts.get(leader) ?? null;
  }

  /** Which start of this instance the process comes from; null: none. */
  readStart(pid: number): number | null {
    const mark = this.instance === null ? null : readBirthmark(pid);
    return mark !== null && mark.instance === this.instance ? mark.start : null;
  }
}

/** Null: it bears none, or is gone. */
function readBirthmark(pid: number): Birthmark | null {
  const bytes = readVirtual(`/proc/${pid}/limits`);
  return bytes === null ? null : parseBirthmark(new TextDecoder().decode(bytes));
}

/** A container's run directory of the same path is another one: its device and inode say so. */
function identityOf(runDir: string | null): string {
  const place = runDir === null ? `pid ${instancePid()}` : directoryNumber(runDir);
  return `${bootId() ?? ""} ${place}`;
}

function directoryNumber(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}
