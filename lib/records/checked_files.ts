/**
 * The configuration's files as they were when a reload was found good, carried over the exec in a memfd: the
 * daemons take their time to stop, and what happens to the files meanwhile must not leave the next image
 * without a configuration.
 */
import { readFileSync } from "node:fs";
import { closeFd } from "../sys/file/descriptor.ts";
import { memfdOf } from "../sys/file/memfd.ts";
import { bytes, decodeOrNull, encode, type Format, list, object, text } from "./codec.ts";

/** Content by path, as the configuration names it. */
export type CheckedFiles = Map<string, Uint8Array>;

interface CheckedFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export const CHECKED_FILES: Format<readonly CheckedFile[]> = {
  name: "files",
  shape: list(object<CheckedFile>({ path: text, content: bytes })),
  older: [(json) => Array.isArray(json) ? json.map(([path, content]) => ({ path, content })) : json],
};

/** A descriptor for `restoreFiles` of the next image. Throws SysError. */
export function saveFiles(files: CheckedFiles): number {
  const saved = [...files].map(([path, content]) => ({ path, content }));
  return memfdOf("reeve-files", new TextEncoder().encode(encode(CHECKED_FILES, saved)));
}

/** The files that the image before found good; null where it cannot be believed. Closes `fd`. */
export function restoreFiles(fd: number): CheckedFiles | null {
  const written = readFileSync(`/proc/self/fd/${fd}`, "utf8");
  closeFd(fd);
  const files = decodeOrNull(CHECKED_FILES, written);
  return files === null ? null : new Map(files.map(({ path, content }) => [path, content]));
}
