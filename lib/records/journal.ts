/**
 * The record in the run directory of what reeve started: one appended line per event, so that a reeve that is
 * killed at any instant leaves what its successor needs to end what remains of dumb daemons and to know smart
 * ones again. Nothing is believed without the start times and the boot that it names.
 */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import type { ProcessId } from "../sys/process_id.ts";
import {
  big,
  bool,
  decodeOrNull,
  encode,
  type Format,
  nullable,
  optional,
  tagged,
  text,
  whole,
} from "./codec.ts";
import { processId } from "./shapes.ts";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { writeAll } from "../sys/file/descriptor.ts";

export interface JournalEntry {
  readonly name: string;
  readonly smart: boolean;
  /**
   * The pidfile of a smart daemon: by it a later configuration means the same one, whatever its name has
   * become.
   */
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
  | { readonly kind: "boot"; readonly boot: string }
  | { readonly kind: "up" } & Kept
  | { readonly kind: "end"; readonly process: ProcessId }
  | { readonly kind: "alive"; readonly ticks: bigint };

export const JOURNAL_LINE: Format<Line> = {
  name: "journal",
  shape: tagged<Line>({
    boot: { boot: text },
    up: {
      name: text,
      smart: bool,
      pidfile: optional(nullable(text)),
      place: optional(text),
      process: processId,
      uid: whole(0, 0xffffffff),
      aliveAt: big,
      old: bool,
    },
    end: { process: processId },
    alive: { ticks: big },
  }),
  older: [fromBare],
};

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
    let written: string;
    try {
      written = readFileSync(path, "utf8");
    } catch {
      return [];
    }
    const entries = new Map<string, Kept>();
    let sameBoot = false;
    for (const raw of written.split("\n")) {
      const line = decodeOrNull(JOURNAL_LINE, raw);
      if (line === null) continue;
      if (line.kind === "boot") sameBoot = line.boot === bootId;
      else if (sameBoot) apply(entries, line);
    }
    return [...entries.values()].map(({ old: _, ...entry }) => entry);
  }

  /**
   * Starts the file afresh with what is known now; `before`: entries of an earlier reeve that are still of
   * use.
   */
  begin(bootId: string, before: readonly JournalEntry[] = []): void {
    for (const entry of before) this.#entries.set(key(entry.process), { ...entry, old: true });
    this.#boot = bootId;
    this.#rewrite();
  }

  up(entry: JournalEntry): void {
    const kept = { ...entry, old: false };
    this.#entries.set(key(entry.process), kept);
    this.#append({ kind: "up", ...kept });
  }

  end(process: ProcessId): void {
    if (!this.#entries.delete(key(process))) return;
    this.#append({ kind: "end", process });
  }

  /**
   * The leader of every entry of this reeve was seen alive at `ticks`. Also the time at which what a full
   * disk lost is written again.
   */
  alive(ticks: bigint): void {
    markAlive(this.#entries, ticks);
    if (this.#incomplete) this.#rewrite();
    else this.#append({ kind: "alive", ticks });
  }

  #append(line: Line): void {
    if (this.#fd < 0) return;
    // After a line that was cut short, the next begins on a line of its own.
    const written = new TextEncoder().encode(
      `${this.#incomplete ? "\n" : ""}${encode(JOURNAL_LINE, line)}\n`,
    );
    this.#guard(() => writeAll(this.#fd, written, { doing: "write the journal" }));
    this.#lines += 1;
    if (this.#lines > COMPACT_AFTER + 2 * this.#entries.size) this.#rewrite();
  }

  #rewrite(): void {
    const path = this.#path;
    if (path === null) return;
    this.#guard(() => {
      const ups = [...this.#entries.values()].map((entry): Line => ({ kind: "up", ...entry }));
      const boot: Line = { kind: "boot", boot: this.#boot };
      const lines = [boot, ...ups].map((line) => encode(JOURNAL_LINE, line));
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

function apply(entries: Map<string, Kept>, line: Exclude<Line, { kind: "boot" }>): void {
  switch (line.kind) {
    case "up": {
      const { kind: _, ...entry } = line;
      entries.set(key(entry.process), entry);
      return;
    }
    case "end":
      entries.delete(key(line.process));
      return;
    case "alive":
      markAlive(entries, line.ticks);
  }
}

/** A line of the time before versions: it had its kind in the name of its first field. */
function fromBare(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json;
  const { up, end, boot, alive, pid, start, ...rest } = json as Readonly<Record<string, unknown>>;
  if (boot !== undefined) return { kind: "boot", boot, ...rest };
  if (end !== undefined) return { kind: "end", process: { pid: end, startTime: start }, ...rest };
  if (up === undefined) return { kind: "alive", ticks: alive, ...rest };
  const process = { pid, startTime: start };
  return { kind: "up", name: up, process, aliveAt: alive ?? start, old: false, ...rest };
}
