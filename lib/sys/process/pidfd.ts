/**
 * Signals, to one process by its pidfd or to a process group. A pidfd names a process and not a number, so it
 * cannot hit the number's next owner; where there is only a number, the caller has verified that it still
 * belongs to whom it means.
 */
import { fileDescriptor, integer, processId, signalNumber } from "../checks.ts";
import { closeFd } from "../file/descriptor.ts";
import { native, unwrapUnless } from "../native/native.ts";
import { ESRCH } from "../native/constants.ts";

/** null: there is no such process. Throws SysError (ENOSYS before Linux 5.3, EMFILE). */
export function openPidfd(pid: number): number | null {
  return unwrapUnless([ESRCH], "pidfd_open", native().reeve_pidfd_open(processId(pid)), {
    doing: `open process ${pid}`,
  });
}

/** false: the process is gone. Throws SysError (EPERM). */
export function signalPidfd(pidfd: number, signal: number): boolean {
  const result = native().reeve_pidfd_signal(fileDescriptor(pidfd, "pidfd"), signalNumber(signal));
  return unwrapUnless([ESRCH], "pidfd_send_signal", result, { doing: `send signal ${signal}` }) !== null;
}

export function closePidfd(pidfd: number): void {
  closeFd(pidfd);
}

/**
 * Signals a process group whose leader is a child not yet reaped, or held by a pidfd. false: nobody is in it.
 */
export function signalGroup(pgid: number, signal: number): boolean {
  const result = native().reeve_kill_group(
    integer(pgid, "process group", 2, 0x7fff_ffff),
    signalNumber(signal),
  );
  return unwrapUnless([ESRCH], "kill", result, {
    doing: `send signal ${signal} to process group ${pgid}`,
  }) !== null;
}

/**
 * Signals a process by number: only for a child not yet reaped, or on a kernel without pidfds. false: it is
 * gone.
 */
export function signalProcess(pid: number, signal: number): boolean {
  const result = native().reeve_kill(integer(pid, "pid", 2, 0x7fff_ffff), signalNumber(signal));
  return unwrapUnless([ESRCH], "kill", result, { doing: `send signal ${signal} to process ${pid}` }) !== null;
}
