/**
 * The record in the run directory of what reeve started: one appended line per event, so that a reeve that is killed
 * at any instant leaves what its successor needs to end what remains of dumb daemons and to know smart ones again.
 * Nothing is believed without the start times and the boot that it names.
 */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import type { ProcessId } from "../sys/process_id.ts";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { writeAll } from "../sys/file/descriptor.ts";

export interface JournalEntry {
  readonly name: string;
  readonly smart: boolean;
  /** The pidfile of a smart daemon: by it a later configuration means the same one, whatever its name has become. */
  readonly pidfile?: string | null;
  /** The place where a smart daemon lives (lib/jail/place_name.ts); "": where reeve does. */
  readonly place?: string;
  readonly process: ProcessId;
  readonly uid: number;
  /** Boot-time ticks at which the daemon's leader was last known to be alive. */
  readonly aliveAt: bigint;
}

/** As it is on record. */
interface Kept extends JournalEntry {
  /** It is an earlier reeve's: this one cannot vouch for its leader. */
  readonly old: boolean;
}

type Line =
  | { readonly boot: string }
  | {
    readonly up: string;
    readonly smart: boolean;
    readonly pidfile?: string;
    readonly place?: string;
    readonly pid: number;
    readonly start: string;
    readonly uid: number;
    readonly alive?: string;
    readonly old?: boolean;
  }
  | { readonly end: number; readonly start: string }
  | { readonly alive: string };

/** Lines after which the file is written anew. */
const COMPACT_AFTER = 10_000;

export class Journal {
  readonly #path: string | null;
  readonly #entries = new Map<string, Kept>();
  readonly #report: (error: unknown) => void;
  #fd = -1;
  #boot = "";
  #lines = 0;
  /** A line could not be written: the file lacks something until it is written anew. */
  #incomplete = false;

  /** `path` null: nothing is recorded. */
  constructor(path: string | null, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  /** The entries that an earlier reeve of the same boot left; [] when there is nothing to be believed. */
  static read(path: string, bootId: string): readonly JournalEntry[] {
    if (bootId === "") return []; // Nobody can tell which boot this is.
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      return [];
    }
    const entries = new Map<string, Kept>();
    let sameBoot = false;
    for (const raw of text.split("\n")) {
      const line = parseLine(raw);
      if (line === null) continue;
      if ("boot" in line) sameBoot = line.boot === bootId;
      else if (sameBoot) apply(entries, line);
    }
    return [...entries.values()].map(({ old: _, ...entry }) => entry);
  }

  /** Starts the file afresh with what is known now; `before`: entries of an earlier reeve that are still of use. */
  begin(bootId: string, before: readonly JournalEntry[] = []): void {
    for (const entry of before) this.#entries.set(key(entry.process), { ...entry, old: true });
    this.#boot = bootId;
    this.#rewrite();
  }

  up(entry: JournalEntry): void {
    const kept = { ...entry, old: false };
    this.#entries.set(key(entry.process), kept);
    this.#append(upLine(kept));
  }

  end(process: ProcessId): void {
    if (!this.#entries.delete(key(process))) return;
    this.#append(JSON.stringify({ end: process.pid, start: String(process.startTime) }));
  }

  /** The leader of every entry of this reeve was seen alive at `ticks`. Also the time at which what a full disk lost is written again. */
  alive(ticks: bigint): void {
    markAlive(this.#entries, ticks);
    if (this.#incomplete) this.#rewrite();
    else this.#append(JSON.stringify({ alive: String(ticks) }));
  }

  #append(line: string): void {
    if (this.#fd < 0) return;
    // After a line that was cut short, the next begins on a line of its own.
    const text = `${this.#incomplete ? "\n" : ""}${line}\n`;
    this.#guard(() => writeAll(this.#fd, new TextEncoder().encode(text), { doing: "write the journal" }));
    this.#lines += 1;
    if (this.#lines > COMPACT_AFTER + 2 * this.#entries.size) this.#rewrite();
  }

  #rewrite(): void {
    const path = this.#path;
    if (path === null) return;
    this.#guard(() => {
      const lines = [JSON.stringify({ boot: this.#boot }), ...[...this.#entries.values()].map(upLine)];
      this.#lines = lines.length;
      writeAtomically(path, new TextEncoder().encode(`${lines.join("\n")}\n`), { mode: 0o600 });
      const fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#fd = fd;
      this.#incomplete = false;
    });
  }

  /** A full disk costs the record, never the daemons: said once, until all is on record again. */
  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.#incomplete) this.#report(error);
      this.#incomplete = true;
    }
  }
}

function key(process: ProcessId): string {
  return `${process.pid}:${process.startTime}`;
}

function markAlive(entries: Map<string, Kept>, ticks: bigint): void {
  for (const [id, entry] of entries) if (!entry.old) entries.set(id, { ...entry, aliveAt: ticks });
}

function upLine(entry: Kept): string {
  return JSON.stringify({
    up: entry.name,
    smart: entry.smart,
    ...(entry.pidfile === undefined || entry.pidfile === null ? {} : { pidfile: entry.pidfile }),
    ...(entry.place === undefined || entry.place === "" ? {} : { place: entry.place }),
    pid: entry.process.pid,
    start: String(entry.process.startTime),
    uid: entry.uid,
    alive: String(entry.aliveAt),
    ...(entry.old ? { old: true } : {}),
  });
}

function apply(entries: Map<string, Kept>, line: Exclude<Line, { boot: string }>): void {
  if ("up" in line) {
    const process = { pid: line.pid, startTime: BigInt(line.start) };
    const aliveAt = BigInt(line.alive ?? line.start);
    const old = line.old === true;
    const pidfile = typeof line.pidfile === "string" ? line.pidfile : null;
    entries.set(key(process), {
      name: line.up,
      smart: line.smart,
      pidfile,
      ...(typeof line.place === "string" ? { place: line.place } : {}),
      process,
      uid: line.uid,
      aliveAt,
      old,
    });
  } else if ("end" in line) {
    entries.delete(`${line.end}:${line.start}`);
  } else {
    markAlive(entries, BigInt(line.alive));
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
      typeof line["uid"] === "number" && typeof line["smart"] === "boolean"
    ) {
      return line["alive"] === undefined || digits(line["alive"]) ? line as unknown as Line : null;
    }
    if (pid(line["end"]) && digits(line["start"])) return line as unknown as Line;
    return digits(line["alive"]) ? line as unknown as Line : null;
  } catch {
    return null;
  }
}
