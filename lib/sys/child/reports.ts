/**
 * The pipe through which helpers report the stage at which they failed to become the daemon. One pipe for
 * all: non-blocking, so that neither side ever waits, and a report is in it before the death of its helper
 * can be seen. Must be drained whenever children are reaped.
 */
import { openPipe, readInto } from "../file/descriptor.ts";

/** A child that could not be set up or executed. */
export interface SpawnReport {
  readonly spawnId: number;
  /** Number of native/reeve.h; `stageName` has words for it. */
  readonly stage: number;
  readonly errno: number;
  /** As the child sees itself: inside a PID namespace not the pid that reeve knows. */
  readonly pid: number;
  /** mount: which of the steps, counted from 0. */
  readonly detail: number;
}

const REPORT_SIZE = 24;

class ReportPipe {
  readonly #pipe = openPipe({ nonblock: true });
  readonly #buffer = new Uint8Array(REPORT_SIZE * 256);
  readonly #view = new DataView(this.#buffer.buffer);
  #early: SpawnReport[] = [];

  get writer(): number {
    return this.#pipe.writer;
  }

  /** Empties the pipe without handing its reports out: it holds some thousands, and then loses more. */
  collect(): void {
    for (;;) {
      // A report is one write below PIPE_BUF: the kernel never splits it, and neither does a buffer of whole
      // ones.
      const count = readInto(this.#pipe.reader, this.#buffer, {
        doing: "read the reports of starting children",
      });
      if (count === null || count === 0) return;
      for (let at = 0; at + REPORT_SIZE <= count; at += REPORT_SIZE) {
        this.#early.push({
          spawnId: Number(this.#view.getBigUint64(at, true)),
          stage: this.#view.getUint32(at + 8, true),
          errno: this.#view.getInt32(at + 12, true),
          pid: this.#view.getInt32(at + 16, true),
          detail: this.#view.getUint32(at + 20, true),
        });
      }
    }
  }

  take(): SpawnReport[] {
    this.collect();
    const taken = this.#early;
    this.#early = [];
    return taken;
  }
}

let pipe: ReportPipe | null = null;

/** Where helpers write; the same descriptor for all children. */
export function reportWriter(): number {
  return (pipe ??= new ReportPipe()).writer;
}

/** All reports since the last call, in the order in which they were made. Never waits. */
export function drainReports(): SpawnReport[] {
  return pipe === null ? [] : pipe.take();
}

/** Makes room in the pipe; the reports remain for `drainReports`. */
export function collectReports(): void {
  pipe?.collect();
}
