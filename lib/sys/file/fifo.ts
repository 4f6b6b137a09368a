/**
 * Named pipes, which the runtime's file functions cannot make. Must never replace what already has the name.
 */
import { cString, integer } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";
import { AT_FDCWD } from "../native/constants.ts";

/** Makes a FIFO; the umask cuts `mode`. Throws SysError (EEXIST: the name is taken, by a link too). */
export function makeFifo(path: string, mode: number): void {
  const result = native().reeve_mkfifoat(AT_FDCWD, cString(path, "path"), integer(mode, "mode", 0, 0o777));
  unwrap("mknodat", result, { doing: "make the FIFO", path });
}
