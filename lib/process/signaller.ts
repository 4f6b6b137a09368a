/**
 * Sends signals to processes whose identity is certain at that instant: an unreaped child of ours keeps its
 * pid, any other process is held by a pidfd and compared by start time. Nothing else in reeve signals a
 * daemon.
 */
import { keeper } from "../sys/keeper/keeper.ts";
import { instancePid } from "../sys/process/instance_pid.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import type { ProcessId } from "../sys/process_id.ts";
import { closePidfd, openPidfd, signalGroup, signalPidfd, signalProcess } from "../sys/process/pidfd.ts";
import { readStat } from "../sys/process/process_table.ts";
import { SIGCONT, SIGSTOP } from "../sys/native/constants.ts";

/** Start time of a child of ours of which it could not be read. */
export const UNKNOWN_START = 0n;
/**
 * State letters of /proc/PID/stat: stopped, or asleep where a stop is not seen (the parent of a vfork that
 * was stopped).
 */
const MAY_BE_STOPPED = "TD";

/**
 * To the process group when `process` leads one, else to the process alone. A stopped process is continued,
 * or it could not act on what it was told. false: it is gone.
 */
export function signalDaemon(process: ProcessId, signal: number): boolean {
  const pidfd = openPidfdOrNull(process.pid);
  try {
    const stat = readStat(process.pid);
    if (stat === null) return false;
    const same = process.startTime === UNKNOWN_START
      ? stat.ppid === instancePid()
      : stat.startTime === process.startTime;
    if (!same) return false;
    const stopped = MAY_BE_STOPPED.includes(stat.state) && signal !== SIGKILL && signal !== SIGSTOP;
    // A child's group is its own for as long as it is not reaped, which the keeper alone knows.
    const told = keeper()?.signal(process.pid, signal, { group: true, goOn: stopped }) ?? null;
    if (told !== null) return told;
    const send = (number: number): boolean => {
      if (stat.pgrp === process.pid && (pidfd === null || signalPidfd(pidfd, 0))) {
        if (signalGroup(process.pid, number)) return true;
      }
      return pidfd === null ? signalProcess(process.pid, number) : signalPidfd(pidfd, number);
    };
    const sent = send(signal);
    if (sent && stopped) send(SIGCONT);
    return sent;
  } finally {
    if (pidfd !== null) closePidfd(pidfd);
  }
}

/** To the one process, whatever it leads. false: it is gone. */
export function signalAlone(process: ProcessId, signal: number): boolean {
  const pidfd = openPidfdOrNull(process.pid);
  try {
    if (readStat(process.pid)?.startTime !== process.startTime) return false;
    return pidfd === null ? signalProcess(process.pid, signal) : signalPidfd(pidfd, signal);
  } finally {
    if (pidfd !== null) closePidfd(pidfd);
  }
}

/**
 * To the whole group that `member` is in, while it is. false: it is gone, and the group may be another's by
 * now.
 */
export function signalGroupOf(member: ProcessId, pgrp: number, signal: number): boolean {
  const pidfd = openPidfdOrNull(member.pid);
  try {
    const stat = readStat(member.pid);
    if (stat === null || stat.startTime !== member.startTime || stat.pgrp !== pgrp) return false;
    if (pidfd !== null && !signalPidfd(pidfd, 0)) return false;
    return signalGroup(pgrp, signal);
  } finally {
    if (pidfd !== null) closePidfd(pidfd);
  }
}

/** A pidfd that is proved to be `process`; null: it is gone. Throws SysError where the kernel gives none. */
export function holdProcess(process: ProcessId): number | null {
  const pidfd = openPidfd(process.pid);
  if (pidfd === null) return null;
  if (isAlive(process)) return pidfd;
  closePidfd(pidfd);
  return null;
}

/** It exists, is the same by its start time, and is no zombie. */
export function isAlive(process: ProcessId): boolean {
  const stat = readStat(process.pid);
  return stat !== null && stat.startTime === process.startTime && stat.state !== "Z" && stat.state !== "X";
}

/** null: gone, or a kernel without pidfds, or no descriptor free: the start time has to do. */
function openPidfdOrNull(pid: number): number | null {
  try {
    return openPidfd(pid);
  } catch {
    return null;
  }
}
