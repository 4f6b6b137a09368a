/**
 * What people have said about single daemons, as lines of a file: that one stays stopped, or that one runs
 * which does not start with the instance. Each line is believed by itself, and only in the boot that it
 * names, where it names one. Holds no configuration, and nothing secret.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { bool, decodeOrNull, encode, type Format, number, object, oneOf, text } from "./codec.ts";

export interface Word {
  readonly daemon: string;
  readonly said: "stopped" | "started";
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** It holds over a stop and start of the instance. */
  readonly isPersistent: boolean;
}

interface Line extends Word {
  /** The boot in which it holds; "": in every one. */
  readonly boot: string;
}

export const WORD_FIELDS = {
  daemon: text,
  said: oneOf(["stopped", "started"]),
  by: text,
  at: number,
  isPersistent: bool,
} as const;

export const WORD: Format<Line> = {
  name: "word",
  shape: object<Line>({ ...WORD_FIELDS, boot: text }),
  older: [(json) => json],
};

/** More was never written by reeve. */
const LARGEST = 16 << 20;

/** The words that hold in this boot; [] where there is nothing to be believed. */
export function readWords(path: string, boot: string): readonly Word[] {
  const words = new Map<string, Word>();
  for (const raw of readSmall(path).split("\n")) {
    const line = decodeOrNull(WORD, raw);
    if (line === null || (line.boot !== "" && line.boot !== boot)) continue;
    const { boot: _, ...word } = line;
    words.set(word.daemon, word);
  }
  return [...words.values()];
}

/** All of them in one go; without any there is no file. Throws SysError. */
export function writeWords(path: string, boot: string, words: readonly Word[]): void {
  if (words.length === 0) return rmSync(path, { force: true });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lines = words.map((word) => `${encode(WORD, { ...word, boot })}\n`);
  writeAtomically(path, new TextEncoder().encode(lines.join("")), { mode: 0o600 });
}

/** A link, what is no regular file, and what another user may have written say nothing. */
function readSmall(path: string): string {
  let fd = -1;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
    fd = openSync(path, flags);
    const status = fstatSync(fd);
    const isOurs = status.uid === process.geteuid?.() || status.uid === 0;
    const isGood = status.isFile() && status.size <= LARGEST && isOurs && (status.mode & 0o022) === 0;
    return isGood ? readFileSync(fd, "utf8") : "";
  } catch {
    return "";
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
