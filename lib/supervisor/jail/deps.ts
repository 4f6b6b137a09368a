/** The calls of a jail's holder to the running system; a test gives it others. Types only. */
import type { ProcessId } from "../../sys/process_id.ts";
import type { Logger } from "../../log/logger.ts";
import type { Timers } from "../../sys/timers.ts";
import type { DrainDeps } from "./drain.ts";
import type { JailEntry } from "./entry.ts";
import type { JailChoice } from "./finder.ts";
import type { InitDeps } from "./init.ts";
import type { JailFile } from "../../records/jail_record.ts";

export interface JailDeps {
  readonly choice: JailChoice;
  readonly file: JailFile;
  readonly boot: string;
  readonly logger: Pick<Logger, "debug" | "info" | "warning" | "error">;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly init: InitDeps;
  readonly drain: DrainDeps;
  readonly signal: (process: ProcessId, signal: number) => void;
  /** The hooks that belong to a jail that was made again; where they fail it is given up, and made again. */
  readonly entry: JailEntry;
  /** It was made again: the daemons that wait for it may be started. */
  readonly opened: () => void;
  /** It is lost: none may be started. */
  readonly shut: () => void;
}
