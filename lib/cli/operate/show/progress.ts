/**
 * The line that says how far a change is: drawn again in its place on a terminal, and nowhere else. The text
 * of it is pure.
 */
import type { Output } from "../../shared/output.ts";
import type { ChangeTask } from "./change.ts";
import { cut } from "./table.ts";

/** At most so many daemons are named. */
const MOST_NAMED = 3;

/** `web stopping, 3 s of 10 s; 2 more`. "": nothing is under way. */
export function progressText(tasks: readonly ChangeTask[]): string {
  const open = tasks.filter(({ isOpen }) => isOpen);
  const shown = open.slice(0, MOST_NAMED).map(({ name, doing }) => `${name} ${doing}`);
  const more = open.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join("; ");
}

export class ProgressLine {
  readonly #output: Output;
  /** Columns; null: nobody looks, and nothing is drawn. */
  readonly #width: number | null;
  #shown = "";

  constructor(output: Output, width: number | null) {
    this.#output = output;
    this.#width = width;
  }

  get isShown(): boolean {
    return this.#width !== null;
  }

  draw(text: string): void {
    if (this.#width === null) return;
    const line = cut(text, this.#width - 1);
    if (line === this.#shown) return;
    this.#shown = line;
    this.#output.write(`\r\x1b[K${line}`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#shown !== "") this.#output.write("\r\x1b[K");
    this.#shown = "";
  }
}
