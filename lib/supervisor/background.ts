/**
 * daemonize: the process that the user started runs a second reeve in a session of its own, waits until that
 * one is up or has failed, and ends with a code that says which. uWSGI's parent ends before anything is
 * known.
 */
import { closeFd, openPipe, writeAll } from "../sys/file/descriptor.ts";
import { spawnChild } from "../sys/child/spawn.ts";
import { signalProcess } from "../sys/process/pidfd.ts";
import { parseSignal } from "../sys/signal_names.ts";
import { reap } from "../sys/process/reap.ts";
import { type Capsule, sealCapsule } from "../records/capsule.ts";
import { passSignalsOn } from "./signal_wiring.ts";
import { CORE_CHILD, openExecutable, shownArguments } from "./stage.ts";

const READY = "R";
/** Where the child finds its end of the pipe. */
const READY_FD = 3;

/**
 * Exit code for the process that the user started: 0 once the instance is up, else what the other ended with.
 */
export async function runInBackground(capsule: Capsule): Promise<number> {
  const pipe = openPipe({ nonblock: true });
  const executable = openExecutable();
  let pid: number;
  try {
    const child = spawnChild({
      ...CORE_CHILD,
      args: shownArguments(capsule.argv),
      file: { fd: executable },
      environment: sealCapsule(process.env, { ...capsule, readyFd: READY_FD }),
      fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], [READY_FD, pipe.writer]]),
      session: "new",
    });
    pid = child.pid;
    if (child.pidfd !== null) closeFd(child.pidfd);
  } finally {
    closeFd(executable);
    closeFd(pipe.writer);
  }
  // A signal to the process that a person started is meant for the instance.
  passSignalsOn((name) => void signalProcess(pid, parseSignal(name) ?? 0));
  for await (const chunk of Bun.file(pipe.reader).stream()) {
    if (new TextDecoder().decode(chunk).includes(READY)) return 0;
  }
  // The pipe closed without a word: it ended, and has said why on stderr.
  for (;;) {
    const end = reap(pid);
    if (end !== null) return end.kind === "exited" ? Math.max(1, end.code) : 1;
    await Bun.sleep(1);
  }
}

/** For the second reeve, once everything runs. */
export function tellReady(capsule: Capsule): void {
  if (capsule.readyFd === null) return;
  try {
    writeAll(capsule.readyFd, new TextEncoder().encode(READY));
  } catch {
    // The waiting process is gone; nobody is left to be told.
  }
  closeFd(capsule.readyFd);
}
