/**
 * The configuration's files as they were when a reload was found good, carried over the exec in a memfd: the daemons take
 * their time to stop, and what happens to the files meanwhile must not leave the next image without a configuration.
 */
import { readFileSync } from "node:fs";
import { closeFd } from "../sys/file/descriptor.ts";
import { memfdOf } from "../sys/file/memfd.ts";

/** Content by path, as the configuration names it. */
export type CheckedFiles = Map<string, Uint8Array>;

/** A descriptor for `restoreFiles` of the next image. Throws SysError. */
export function saveFiles(files: CheckedFiles): number {
  const list = [...files].map(([path, bytes]) => [path, bytes.toBase64()]);
  return memfdOf("reeve-files", new TextEncoder().encode(JSON.stringify(list)));
}

/** The files that the image before found good. Closes `fd`. */
export function restoreFiles(fd: number): CheckedFiles {
  const list = JSON.parse(readFileSync(`/proc/self/fd/${fd}`, "utf8")) as [string, string][];
  closeFd(fd);
  return new Map(list.map(([path, text]) => [path, Uint8Array.fromBase64(text)]));
}
