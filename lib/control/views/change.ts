/** A change and a notice as JSON, in the form that pebble's clients read. Pure. */
import { type Change, type Task, timeText } from "../changes.ts";
import type { Notice } from "../notices.ts";

/** How far a task is: 3 of 10 seconds of its grace. */
export interface Progress {
  /** `stopping, 3 s of 10 s`. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export function changeToJson(
  change: Change,
  progressOf: (task: Task) => Progress | null,
): Readonly<Record<string, unknown>> {
  const { id, kind, summary, by, status, spawned, ended, err, tasks } = change;
  return {
    id,
    kind,
    summary,
    by,
    status,
    ready: ended !== null,
    "spawn-time": timeText(spawned),
    ...(ended === null ? {} : { "ready-time": timeText(ended) }),
    ...(err === null ? {} : { err }),
    tasks: tasks.map((task) => taskToJson(task, progressOf)),
  };
}

function taskToJson(
  task: Task,
  progressOf: (task: Task) => Progress | null,
): Readonly<Record<string, unknown>> {
  const { id, kind, summary, daemon, status, log, spawned, ended } = task;
  const isDone = ended !== null;
  return {
    id,
    kind,
    summary,
    ...(daemon === null ? {} : { service: daemon }),
    status,
    ...(log.length === 0 ? {} : { log }),
    progress: (isDone ? null : progressOf(task)) ?? { label: "", done: isDone ? 1 : 0, total: 1 },
    "spawn-time": timeText(spawned),
    ...(ended === null ? {} : { "ready-time": timeText(ended) }),
  };
}

/** Days after which pebble's clients take a notice for gone: ours go with the instance. */
const EXPIRES = "168h0m0s";

export function noticeToJson(notice: Notice): Readonly<Record<string, unknown>> {
  const { id, type, key, first, last, occurrences, data } = notice;
  return {
    id,
    "user-id": null,
    type,
    key,
    "first-occurred": timeText(first),
    "last-occurred": timeText(last),
    "last-repeated": timeText(last),
    occurrences,
    "last-data": data,
    "expire-after": EXPIRES,
  };
}
