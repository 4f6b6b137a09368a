/** A change that an instance carries out, as it tells of it: the part that is shown to people. Pure. */
import { printable } from "../../shared/output.ts";
import { type Fields, fieldsOf, listOf, textOf, textsOf } from "./fields.ts";

export interface ChangeTask {
  /** The daemon's; the task's own summary where it is about none. */
  readonly name: string;
  readonly isAboutDaemon: boolean;
  /** `stopping, 3 s of 10 s`; `starting`. */
  readonly doing: string;
  readonly isOpen: boolean;
  readonly hasFailed: boolean;
  readonly isGivenUp: boolean;
  /** Lines for people. */
  readonly log: readonly string[];
}

export interface Change {
  readonly id: string;
  readonly isDone: boolean;
  readonly error: string | null;
  readonly tasks: readonly ChangeTask[];
}

const DOING: Readonly<Record<string, string>> = {
  start: "starting",
  stop: "stopping",
  restart: "restarting",
  kill: "killing",
};
const UNDONE: Readonly<Record<string, string>> = {
  Error: "it failed",
  Hold: "it was given up, since something else came between",
};
/** The time and the level of a line of a task's log. */
const LOG_HEAD = /^\d{4}-\S+ [A-Z]+ /;
/** pebble's words for a task that is not over. */
const OPEN = new Set(["Do", "Doing", "Undo", "Undoing", "Wait", "Abort"]);

export function readChange(value: unknown): Change {
  const fields = fieldsOf(value);
  const status = textOf(fields["status"]);
  return {
    id: textOf(fields["id"]) ?? "",
    isDone: fields["ready"] === true,
    error: textOf(fields["err"]) ?? (status === null ? null : UNDONE[status] ?? null),
    tasks: listOf(fields["tasks"]).map(readTask),
  };
}

function readTask(fields: Fields): ChangeTask {
  const status = textOf(fields["status"]) ?? "";
  const progress = fieldsOf(fields["progress"]);
  const name = textOf(fields["service"]);
  const kind = textOf(fields["kind"]) ?? "";
  return {
    name: printable(name ?? textOf(fields["summary"]) ?? kind),
    isAboutDaemon: name !== null,
    doing: printable(textOf(progress["label"]) || (DOING[kind] ?? kind)),
    isOpen: OPEN.has(status),
    hasFailed: status === "Error",
    isGivenUp: status === "Hold",
    log: textsOf(fields["log"]).map((line) => printable(line.replace(LOG_HEAD, ""))),
  };
}
