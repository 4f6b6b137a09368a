/**
 * Puts the log on fds 1 and 2, which every daemon inherits, and keeps what was there for whoever waits for a
 * start. The only place that replaces them.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { keeper } from "../sys/keeper/keeper.ts";
import { closeFd, duplicateOnto, setCloseOnExec } from "../sys/file/descriptor.ts";

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/** A copy of fd 2, for when the log has taken its place; no child has it. null: it is closed. */
export function copyOfStandardError(): number | null {
  // A number that is free, of a file that is there in the emptiest root.
  const fd = openSync("/", constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    duplicateOnto(STANDARD_ERROR, fd, true);
    return fd;
  } catch {
    closeSync(fd);
    return null;
  }
}

/** Both may be one file: a line would be there twice. */
export function isSameFile(one: number, other: number): boolean {
  const [first, second] = [fstatSync(one), fstatSync(other)];
  return first.dev === second.dev && first.ino === second.ino;
}

/**
 * LogFileDeps.install: closes `fd`, answers the descriptor that holds the log from now on. Throws
 * SysError.
 */
export function putOnStandardOutput(fd: number): number {
  for (const target of [STANDARD_OUTPUT, STANDARD_ERROR]) {
    // Where reeve was started without them, the log itself may have been opened as one.
    if (target === fd) setCloseOnExec(fd, false);
    else duplicateOnto(fd, target, false);
  }
  keeper()?.streams(STANDARD_OUTPUT, STANDARD_ERROR);
  if (fd > STANDARD_ERROR) closeFd(fd);
  return STANDARD_ERROR;
}
