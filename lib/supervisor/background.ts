/**
 * daemonize: the instance that the user started starts another one, in a session of its own, waits until that
 * one is up or has failed, and ends with a code that says which. uWSGI's parent ends before anything is
 * known.
 */
import { closeSync, constants, openSync } from "node:fs";
import { closeFd, openPipe, writeAll } from "../sys/file/descriptor.ts";
import { EMPTY_CHILD } from "../sys/child/child_spec.ts";
import { spawnChild } from "../sys/child/spawn.ts";
import { watcher } from "../sys/file/watcher.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import { decodeStatus } from "../sys/process/reap.ts";
import { type Capsule, sealCapsule } from "../records/capsule.ts";
import { IS_INSTANCE } from "./stage.ts";

const READY = "R";
/** Where the child finds its end of the pipe. */
const READY_FD = 3;

/**
 * Exit code for the process that the user started: 0 once the instance is up, else what the other ended with.
 */
export async function runInBackground(capsule: Capsule): Promise<number> {
  const own = keeper();
  if (own === null) throw new Error("there is no keeper");
  const pipe = openPipe({ nonblock: true });
  const ended = Promise.withResolvers<number>();
  const pid = start(capsule, pipe.writer);
  own.listen({
    died: (deaths) => {
      const end = deaths.find((death) => death.pid === pid);
      if (end === undefined) return;
      const cause = decodeStatus(end.status);
      ended.resolve(cause.kind === "exited" ? Math.max(1, cause.code) : 1);
    },
    reapedOrphans: () => {},
    // A signal to the process that a person started is meant for the instance.
    signalled: (signal) => void own.signal(pid, signal, { group: false, goOn: false }),
  });
  watcher().add(own.fd, () => own.receive());
  for await (const chunk of Bun.file(pipe.reader).stream()) {
    if (new TextDecoder().decode(chunk).includes(READY)) return 0;
  }
  // The pipe closed without a word: it ended, and has said why on stderr.
  return await ended.promise;
}

function start(capsule: Capsule, writer: number): number {
  const executable = openSync("/proc/self/exe", constants.O_RDONLY);
  try {
    return spawnChild({
      ...EMPTY_CHILD,
      spawnId: 1,
      // For ps; the true ones are in the capsule, since an exec of ourselves carries no empty argument.
      args: [process.argv0, ...capsule.argv].filter((word) => word !== ""),
      file: { fd: executable },
      environment: [...sealCapsule(process.env, { ...capsule, readyFd: READY_FD }), `${IS_INSTANCE}=1`],
      fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], [READY_FD, writer]]),
      session: "new",
    }).pid;
  } finally {
    closeSync(executable);
    closeFd(writer);
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
