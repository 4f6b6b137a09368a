/** Words for what went wrong below the configuration: an Error of the system or of a library, in one phrase. */

const PHRASES: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a directory, a file is needed",
  ENOTDIR: "a part of the path is not a directory",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EBADF: "this file descriptor is not open",
  EIO: "input/output error",
  EMFILE: "too many open files",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EFBIG: "the file would be too large",
  ENOBUFS: "its output is too long",
};

/** `no such file or directory`; the error's own first line where its code has no phrase. */
export function describeProblem(problem: unknown): string {
  const code = codeOf(problem);
  const phrase = code === null ? undefined : PHRASES[code];
  if (phrase !== undefined) return phrase;
  const text = problem instanceof Error ? problem.message : String(problem);
  return (text.split("\n")[0] ?? "").trim();
}

/** ENOENT and the like, or null. */
export function codeOf(problem: unknown): string | null {
  if (typeof problem !== "object" || problem === null || !("code" in problem)) return null;
  return typeof problem.code === "string" ? problem.code : null;
}

/** A string as it is shown in a message: quoted, and cut where it is long. */
export function quote(text: string): string {
  const longest = 200;
  return text.length <= longest ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, longest))}...`;
}
