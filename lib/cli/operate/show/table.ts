/**
 * The table of `reeve status`: a line for each daemon, as wide as the terminal and no wider. Pure. A text
 * that is cut ends in "..."; where nobody looks (a pipe) nothing is cut.
 */
import { type Colour, printable } from "../../shared/output.ts";
import { memorySize, processorTime, shortDuration } from "./quantity.ts";
import { reasonOf } from "./reason.ts";
import { isUp, type Service } from "./service.ts";

export type Paint = (text: string, colour: Colour) => string;

export interface TableOptions {
  /** Columns; null: nothing is cut. */
  readonly width: number | null;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly paint: Paint;
}

const TITLES = ["NAME", "STATE", "SINCE", "PID", "RESTARTS", "MEM", "CPU", "STATUS"] as const;
/** Numbers stand at the right of their column. */
const IS_NUMBER = [false, false, true, true, true, true, true, false];
const NAME = 0;
const STATE = 1;
const STATUS = 7;
/** A column is never cut below these. */
const LEAST_NAME = 12;
const LEAST_STATUS = 10;

/** In the order of `services`; the lines have no line ends. */
export function tableLines(services: readonly Service[], options: TableOptions): string[] {
  const rows = services.map((service) => rowOf(service, options.now));
  const widths = columnWidths([TITLES, ...rows], options.width);
  const states = services.map((service) => stateColour(service));
  return [TITLES, ...rows].map((cells, line) => {
    const texts = cells.flatMap((cell, column) => {
      const width = widths[column] ?? 0;
      if (width === 0) return [];
      const text = cut(cell, width);
      const blanks = " ".repeat(width - widthOf(text));
      const colour = line === 0 ? "dim" : column === STATE ? states[line - 1] ?? null : null;
      const shown = colour === null ? text : options.paint(text, colour);
      const isLast = column === widths.findLastIndex((one) => one > 0);
      return [IS_NUMBER[column] === true ? blanks + shown : isLast ? shown : shown + blanks];
    });
    return texts.join("  ").trimEnd();
  });
}

function rowOf(service: Service, now: number): readonly string[] {
  const { name, state, since, pid, restarts, memory, cpuSeconds } = service;
  return [
    printable(name),
    printable(state),
    since === null ? "-" : shortDuration((now - since) / 1000),
    pid === null ? "-" : String(pid),
    String(restarts),
    memory === null ? "-" : memorySize(memory),
    cpuSeconds === null ? "-" : processorTime(cpuSeconds),
    reasonOf(service, now),
  ];
}

function stateColour(service: Service): Colour | null {
  if (isUp(service)) return "green";
  if (service.state === "down") return service.held === null ? null : "dim";
  return service.state === "broken" ? "red" : "yellow";
}

/**
 * Where all do not fit, STATUS is cut first, then NAME; then columns go, those that are missed least first.
 */
function columnWidths(rows: readonly (readonly string[])[], width: number | null): number[] {
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ""))));
  const isEmpty = rows.slice(1).every((row) => row[STATUS] === "");
  if (isEmpty) widths[STATUS] = 0;
  if (width === null) return widths;
  const total = (): number => {
    const shown = widths.filter((one) => one > 0);
    return shown.reduce((sum, one) => sum + one + 2, -2);
  };
  const shrink = (column: number, least: number): void => {
    const excess = total() - width;
    const own = widths[column] ?? 0;
    if (excess > 0 && own > least) widths[column] = Math.max(least, own - excess);
  };
  shrink(STATUS, LEAST_STATUS);
  shrink(NAME, LEAST_NAME);
  for (const column of [6, 5, 4, STATUS, 2, 3]) {
    if (total() <= width) break;
    widths[column] = 0;
  }
  shrink(NAME, 1);
  return widths;
}

/** At most `width` columns, with "..." in the place of what goes. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const dots = width > 3 ? "..." : "";
  let shown = "";
  for (const character of text) {
    if (widthOf(shown + character) > width - dots.length) break;
    shown += character;
  }
  return shown + dots;
}

export function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : Bun.stringWidth(text);
}
