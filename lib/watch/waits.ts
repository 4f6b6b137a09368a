/**
 * wait-for-fs, -file, -dir, -mountpoint, -socket and -interface: the start goes on when what is waited for is
 * there. Event-driven where the kernel sends an event that is worth it; interruptible at any moment; never
 * longer than its time-out.
 */
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { Wait } from "../config/plan/hook_plan.ts";
import { HOST_TREE } from "../sys/file/file_tree.ts";
import { MESSAGES } from "./messages.ts";
import { PathWatch, type PathWatchDeps } from "./path_watch.ts";
import { connectionSucceeds, interfaceExists, isMounted, isNetwork } from "./wait_probes.ts";

export interface WaitDeps extends PathWatchDeps {
  readonly cwd: string;
  readonly log: (level: "info" | "warning", text: string) => void;
  /**
   * Whether a connection to a path, "@name" or "host:port" succeeds; it rejects where nobody could tell.
   * Default: the real thing.
   */
  readonly connects?: (target: string) => Promise<boolean>;
  /** Whether a network interface exists; default: the real thing. */
  readonly hasInterface?: (name: string) => boolean;
  /** Whether something is mounted on a path; default: the real thing. */
  readonly isMounted?: (path: string) => boolean;
}

/** The time is up. */
export class WaitTimeout extends Error {}

type Target = Pick<Wait, "what" | "target" | "timeout">;

/**
 * Where it is looked again and again, at start alone: sysfs sends no events about interfaces, and those of
 * the table of mounts come as POLLPRI, which the event thread does not watch for.
 */
const LOOK_INTERVAL = 100;
const FIRST_RETRY = 50;
const LONGEST_RETRY = 1000;
const NAMES: Readonly<Record<Wait["what"], string>> = {
  fs: "path",
  file: "file",
  dir: "directory",
  mountpoint: "mount point",
  socket: "socket",
  interface: "interface",
};

const MISSING: Readonly<Partial<Record<Wait["what"], string>>> = {
  socket: "nobody accepts connections there",
  mountpoint: "nothing is mounted there",
};

/**
 * Resolves when the target is there. Rejects with WaitTimeout, whose text is for the log, or with the
 * signal's reason when that aborts.
 */
export async function waitFor(wait: Target, deps: WaitDeps, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  deps.log("info", MESSAGES.waiting(wait.target, wait.timeout));
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const limit = wait.timeout > 0
    ? deps.timers.after(wait.timeout * 1000, () => reject(timeoutOf(wait)))
    : null;
  const attempt = startAttempt(wait, deps, resolve, reject);
  try {
    await promise;
  } finally {
    attempt.remove();
    limit?.cancel();
    signal.removeEventListener("abort", onAbort);
  }
  const seconds = (performance.now() - started) / 1000;
  deps.log("info", `${MESSAGES.waited(wait.target)} after ${seconds.toFixed(1)} s`);
}

/** All waits of the configuration, in turn, as uWSGI has them. */
export async function waitForAll(
  waits: readonly Wait[],
  deps: WaitDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const wait of waits) await waitFor(wait, deps, signal);
}

function timeoutOf(wait: Target): WaitTimeout {
  const missing = MISSING[wait.what] ?? "it is not there";
  return new WaitTimeout(
    `cannot go on without ${NAMES[wait.what]} "${wait.target}": ${missing} after ${wait.timeout} seconds`,
  );
}

function startAttempt(
  wait: Target,
  deps: WaitDeps,
  found: () => void,
  failed: (problem: unknown) => void,
): { remove(): void } {
  switch (wait.what) {
    case "fs":
    case "file":
    case "dir":
      return awaitPath(wait, deps, found);
    case "socket":
      return awaitSocket(wait.target, deps, found, failed);
    case "mountpoint":
      return lookRegularly(() => (deps.isMounted ?? isMounted)(absolute(wait.target, deps)), deps, found);
    case "interface":
      return lookRegularly(() => (deps.hasInterface ?? interfaceExists)(wait.target), deps, found);
  }
}

function absolute(path: string, deps: WaitDeps): string {
  return isAbsolute(path) ? path : `${deps.cwd}/${path}`;
}

function awaitPath(wait: Target, deps: WaitDeps, found: () => void): { remove(): void } {
  const path = absolute(wait.target, deps);
  const look = () => {
    if (isThere(path, wait.what, deps)) found();
  };
  const watch = new PathWatch(path, deps, look, { anyEvent: true, settle: 0 });
  look();
  return watch;
}

function isThere(path: string, what: Wait["what"], { tree = HOST_TREE }: WaitDeps): boolean {
  try {
    const status = tree.target(path, "look", (target) => statSync(target));
    return what === "file" ? status.isFile() : what === "dir" ? status.isDirectory() : true;
  } catch {
    return false;
  }
}

/**
 * A path is watched, so that the first connection is tried when the socket appears. That it is there does not
 * mean that somebody listens (it is bound before, and may be left over); then, and for an address without a
 * path, it is tried again after a moment.
 */
function awaitSocket(
  target: string,
  deps: WaitDeps,
  found: () => void,
  failed: (problem: unknown) => void,
): { remove(): void } {
  const isPath = !isNetwork(target) && !target.startsWith("@");
  const address = isPath ? absolute(target, deps) : target;
  const connects = deps.connects ?? connectionSucceeds;
  let timer: { cancel(): void } | null = null;
  let delay = FIRST_RETRY;
  let trying = false;
  let again = false;
  let removed = false;
  const attempt = (): void => {
    timer?.cancel();
    timer = null;
    if (removed) return;
    if (isPath && !isThere(address, "fs", deps)) return;
    if (trying) {
      again = true;
      return;
    }
    trying = true;
    void connects(address).then((connected) => {
      trying = false;
      if (removed) return;
      if (connected) return found();
      if (again) {
        again = false;
        return attempt();
      }
      timer = deps.timers.after(delay, attempt);
      delay = Math.min(delay * 2, LONGEST_RETRY);
    }, failed);
  };
  const watch = isPath
    ? new PathWatch(address, deps, () => {
      delay = FIRST_RETRY;
      attempt();
    }, { anyEvent: true, settle: 0 })
    : null;
  attempt();
  return {
    remove() {
      removed = true;
      watch?.remove();
      timer?.cancel();
    },
  };
}

function lookRegularly(isThere: () => boolean, deps: WaitDeps, found: () => void): { remove(): void } {
  let timer: { cancel(): void } | null = null;
  const look = (): void => {
    if (isThere()) found();
    else timer = deps.timers.after(LOOK_INTERVAL, look);
  };
  look();
  return { remove: () => timer?.cancel() };
}
