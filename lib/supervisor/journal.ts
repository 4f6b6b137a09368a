/**
 * The record in the run directory of what reeve started: one appended line per event, so that a reeve that is killed
 * at any instant leaves what its successor needs to end what remains of dumb daemons and to know smart ones again.
 * Nothing is believed without the start times and the boot that it names.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import type { ProcessId } from "../daemon/process.ts";
import { writeAtomically } from "../sys/atomic_file.ts";

export interface JournalEntry {
  readonly name: string;
  readonly smart: boolean;
  readonly process: ProcessId;
  readonly uid: number;
  /** Boot-time ticks at which the daemon's leader was last known to be alive. */
  readonly aliveAt: bigint;
}

type Line =
  | { readonly boot: string }
  | {
    readonly up: string;
    readonly smart: boolean;
    readonly pid: number;
    readonly start: string;
    readonly uid: number;
  }
  | { readonly end: number; readonly start: string }
  | { readonly alive: string };

/** Lines after which the file is written anew. */
const COMPACT_AFTER = 10_000;

export class Journal {
  readonly #path: string | null;
  readonly #entries = new Map<string, JournalEntry>();
  readonly #report: (error: unknown) => void;
  #fd = -1;
  #lines = 0;
  #broken = false;

  /** `path` null: nothing is recorded. */
  constructor(path: string | null, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  /** What an earlier reeve of the same boot left; [] when there is nothing to be believed. */
  static read(path: string, bootId: string): readonly JournalEntry[] {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      return [];
    }
    const entries = new Map<string, JournalEntry>();
    let sameBoot = false;
    for (const raw of text.split("\n")) {
      const line = parseLine(raw);
      if (line === null) continue;
      if ("boot" in line) sameBoot = line.boot === bootId;
      else if (sameBoot) apply(entries, line);
    }
    return [...entries.values()];
  }

  /** Starts the file afresh with what is known now. */
  begin(bootId: string): void {
    const path = this.#path;
    if (path === null) return;
    this.#boot = bootId;
    this.#guard(() => {
      const lines = [JSON.stringify({ boot: bootId }), ...[...this.#entries.values()].map(upLine)];
      writeAtomically(path, new TextEncoder().encode(`${lines.join("\n")}\n`), { mode: 0o600 });
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#fd = -1;
      this.#fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
      this.#lines = lines.length;
    });
  }
  #boot = "";

  up(entry: JournalEntry): void {
    this.#entries.set(key(entry.process), entry);
    this.#append(upLine(entry));
  }

  end(process: ProcessId): void {
    if (!this.#entries.delete(key(process))) return;
    this.#append(JSON.stringify({ end: process.pid, start: String(process.startTime) }));
  }

  /** Every entry's leader was seen alive at `ticks`. */
  alive(ticks: bigint): void {
    for (const [id, entry] of this.#entries) this.#entries.set(id, { ...entry, aliveAt: ticks });
    this.#append(JSON.stringify({ alive: String(ticks) }));
  }

  #append(line: string): void {
    if (this.#fd < 0) return;
    this.#guard(() => writeSync(this.#fd, `${line}\n`));
    this.#lines += 1;
    if (this.#lines > COMPACT_AFTER + 2 * this.#entries.size) this.begin(this.#boot);
  }

  /** A full disk costs the record, never the daemons: said once. */
  #guard(write: () => void): void {
    try {
      write();
      this.#broken = false;
    } catch (error) {
      if (!this.#broken) this.#report(error);
      this.#broken = true;
    }
  }
}

function key(process: ProcessId): string {
  return `${process.pid}:${process.startTime}`;
}

function upLine(entry: JournalEntry): string {
  return JSON.stringify({
    up: entry.name,
    smart: entry.smart,
    pid: entry.process.pid,
    start: String(entry.process.startTime),
    uid: entry.uid,
    alive: String(entry.aliveAt),
  });
}

function apply(entries: Map<string, JournalEntry>, line: Exclude<Line, { boot: string }>): void {
  if ("up" in line) {
    const process = { pid: line.pid, startTime: BigInt(line.start) };
    const aliveAt = BigInt((line as { alive?: string }).alive ?? line.start);
    entries.set(key(process), { name: line.up, smart: line.smart, process, uid: line.uid, aliveAt });
  } else if ("end" in line) {
    entries.delete(`${line.end}:${line.start}`);
  } else {
    const aliveAt = BigInt(line.alive);
    for (const [id, entry] of entries) entries.set(id, { ...entry, aliveAt });
  }
}

/** A line cut short by a kill, or anything else that is not ours, counts as absent. */
function parseLine(raw: string): Line | null {
  try {
    const value: unknown = JSON.parse(raw);
    if (typeof value !== "object" || value === null) return null;
    const line = value as Record<string, unknown>;
    const digits = (field: unknown): boolean => typeof field === "string" && /^[0-9]{1,19}$/.test(field);
    const pid = (field: unknown): boolean =>
      typeof field === "number" && Number.isInteger(field) && field > 1;
    if (typeof line["boot"] === "string") return line as unknown as Line;
    if (
      typeof line["up"] === "string" && pid(line["pid"]) && digits(line["start"]) &&
      typeof line["uid"] === "number"
    ) {
      return line["alive"] === undefined || digits(line["alive"]) ? line as unknown as Line : null;
    }
    if (pid(line["end"]) && digits(line["start"])) return line as unknown as Line;
    return digits(line["alive"]) ? line as unknown as Line : null;
  } catch {
    return null;
  }
}
