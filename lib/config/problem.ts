/**
 * Words for what went wrong below the configuration: an Error of the system or of a library, in one phrase.
 */
import { errorCode, textOfErrno } from "../sys/errno.ts";

/** Where more can be said than the errno's own words do. */
const PHRASES: Readonly<Record<string, string>> = {
  EISDIR: "it is a directory, a file is needed",
  ENOTDIR: "a part of the path is not a directory",
  EBADF: "this file descriptor is not open",
  ENOBUFS: "its output is too long",
};

/** `no such file or directory`; the error's own first line where its code has no phrase. */
export function describeProblem(problem: unknown): string {
  const code = errorCode(problem);
  const phrase = code === null ? null : PHRASES[code] ?? textOfErrno(code);
  if (phrase !== null) return phrase;
  const text = problem instanceof Error ? problem.message : String(problem);
  return (text.split("\n")[0] ?? "").trim();
}

/** A string as it is shown in a message: quoted, and cut where it is long. */
export function quote(text: string): string {
  const longest = 200;
  return text.length <= longest ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, longest))}...`;
}
