/**
 * What the next image must know of the operations on single daemons: the changes, so that whoever waits for
 * one finds it again, and what people have said. A form of text; nothing here reads or writes a file.
 */
import type { ChangeStatus, SavedChange, Task } from "../../control/changes.ts";
import {
  decodeOrNull,
  encode,
  type Format,
  list,
  nullable,
  number,
  object,
  oneOf,
  text,
  whole,
} from "../../records/codec.ts";
import { type Word, WORD_FIELDS } from "../../records/words.ts";

export interface HandedOver {
  readonly changes: readonly SavedChange[];
  readonly words: readonly Word[];
  /** The number of the next event. */
  readonly nextEvent: number;
  /** Milliseconds since 1970 at which the instance was started. */
  readonly since: number;
}

const status = oneOf<ChangeStatus>(["Do", "Doing", "Done", "Error", "Hold"]);

export const OPERATIONS: Format<HandedOver> = {
  name: "operations",
  shape: object<HandedOver>({
    changes: list(object<SavedChange>({
      id: text,
      kind: text,
      summary: text,
      by: text,
      key: text,
      status,
      spawned: number,
      ended: nullable(number),
      err: nullable(text),
      tasks: list(object<Task>({
        id: text,
        kind: text,
        summary: text,
        daemon: nullable(text),
        status,
        log: list(text),
        spawned: number,
        ended: nullable(number),
        why: nullable(text),
      })),
    })),
    words: list(object<Word>(WORD_FIELDS)),
    nextEvent: whole(1),
    since: number,
  }),
  older: [(json) => json],
};

export function writeHandedOver(operations: HandedOver): string {
  return encode(OPERATIONS, operations);
}

/** null: it is none that can be believed. */
export function readHandedOver(written: string): HandedOver | null {
  return decodeOrNull(OPERATIONS, written);
}
