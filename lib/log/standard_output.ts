/**
 * Puts the log on fds 1 and 2, which every daemon inherits. The only place that replaces them.
 */
import { closeFd, duplicateOnto, setCloseOnExec } from "../sys/file/descriptor.ts";

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/** LogFileWorld.install: closes `fd`, answers the descriptor that holds the log from now on. Throws SysError. */
export function putOnStandardOutput(fd: number): number {
  for (const target of [STANDARD_OUTPUT, STANDARD_ERROR]) {
    // Where reeve was started without them, the log itself may have been opened as one.
    if (target === fd) setCloseOnExec(fd, false);
    else duplicateOnto(fd, target, false);
  }
  if (fd > STANDARD_ERROR) closeFd(fd);
  return STANDARD_ERROR;
}
