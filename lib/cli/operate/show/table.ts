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

interface Cell {
  readonly text: string;
  /** Columns, counted once: a thousand daemons have eight thousand cells. */
  readonly width: number;
}

/** In the order of `services`; the lines have no line ends. */
export function tableLines(services: readonly Service[], options: TableOptions): string[] {
  const rows = services.map((service) => rowOf(service, options.now));
  const titles = TITLES.map(plainCell);
  const widths = columnWidths([titles, ...rows], options.width);
  const columns = widths.flatMap((width, column) => width > 0 ? [column] : []);
  const lineOf = (cells: readonly Cell[], colourOf: (column: number) => Colour | null): string => {
    let line = "";
    for (const column of columns) {
      const { text, width } = fitted(cells[column] ?? plainCell(""), widths[column] ?? 0);
      const blanks = " ".repeat((widths[column] ?? 0) - width);
      const colour = colourOf(column);
      const shown = colour === null ? text : options.paint(text, colour);
      line += `${line === "" ? "" : "  "}${IS_NUMBER[column] === true ? blanks + shown : shown + blanks}`;
    }
    return line.trimEnd();
  };
  return [
    lineOf(titles, () => "dim"),
    ...services.map((service, index) =>
      lineOf(rows[index] ?? [], (column) => column === STATE ? stateColour(service) : null)
    ),
  ];
}

function rowOf(service: Service, now: number): readonly Cell[] {
  const { name, state, since, pid, restarts, memory, cpuSeconds } = service;
  return [
    cellOf(printable(name)),
    cellOf(printable(state)),
    plainCell(since === null ? "-" : shortDuration((now - since) / 1000)),
    plainCell(pid === null ? "-" : String(pid)),
    plainCell(String(restarts)),
    plainCell(memory === null ? "-" : memorySize(memory)),
    plainCell(cpuSeconds === null ? "-" : processorTime(cpuSeconds)),
    cellOf(reasonOf(service, now)),
  ];
}

function cellOf(text: string): Cell {
  return { text, width: widthOf(text) };
}

/** Its text is ASCII. */
function plainCell(text: string): Cell {
  return { text, width: text.length };
}

function fitted(cell: Cell, width: number): Cell {
  return cell.width <= width ? cell : cellOf(cut(cell.text, width));
}

function stateColour(service: Service): Colour | null {
  if (isUp(service)) return "green";
  if (service.state === "down") return service.held === null ? null : "dim";
  return service.state === "broken" ? "red" : "yellow";
}

/**
 * Where all do not fit, STATUS is cut first, then NAME; then columns go, those that are missed least first.
 */
function columnWidths(rows: readonly (readonly Cell[])[], width: number | null): number[] {
  const widths = TITLES.map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.width ?? 0), 0)
  );
  const isEmpty = rows.slice(1).every((row) => row[STATUS]?.width === 0);
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
  return Bun.stringWidth(text);
}
