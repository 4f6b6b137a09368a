/**
 * One stay inside: the child is started, its input and output carried over, its end waited for. No terminal
 * of the host reaches inside: where reeve has one, the child has a pseudo-terminal, or a pipe, of its own.
 */
import { parseSignal } from "../../sys/signal_names.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import { exitCodeOf, type ProcessId } from "../../sys/process_id.ts";
import { PtyRelay } from "../../jail/pty_relay.ts";
import { Children } from "../../process/children.ts";
import type { SetupFailure } from "../../process/registry.ts";
import { signalDaemon } from "../../process/signaller.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import { closeFd } from "../../sys/file/descriptor.ts";
import { openPty } from "../../sys/process/pty.ts";
import { type ExitStatus, reap } from "../../sys/process/reap.ts";
import { isTerminal } from "../../sys/process/tty.ts";
import { watcher } from "../../sys/file/watcher.ts";
import { OutputPipe } from "./output.ts";

export interface SessionEnd {
  /** As a shell would say it: 128 + N for signal N. */
  readonly code: number;
  /** The child was not set up, or its program not executed. */
  readonly failure: SetupFailure | null;
}

/** The child's fds 0 to 2, and whether the first is a terminal of its own. */
export interface SessionFds {
  readonly fds: readonly number[];
  readonly isTerminal: boolean;
}

/** Signals that end us end the child. */
const ENDING = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;
/** Other signals that the child may be sent, where it has no terminal. */
const TOLD = ["SIGUSR1", "SIGUSR2"] as const;
/** From the first signal to SIGKILL. */
const PATIENCE_MS = 3000;
const A_LONG_TIME_MS = 0x7fff_ffff;

export class Session {
  readonly child: SessionFds;
  readonly #outputs: readonly OutputPipe[];
  readonly #relay: PtyRelay | null;
  /** Our copies of what the child gets; closed once it has them. */
  readonly #theirs: readonly number[];
  #process: ProcessId | null = null;
  #endedBy: number | null = null;
  #isHungUp = false;

  /**
   * `roots`: whose devpts the terminal is of: the first that has one. `owner`: who the child will be. Throws
   * SysError where no terminal can be had.
   */
  constructor(roots: readonly number[], owner: { readonly uid: number; readonly gid: number }) {
    const terminals = [0, 1, 2].filter(isTerminal);
    if (terminals.includes(0)) {
      const { master, slave } = openFirstPty(roots, owner);
      const output = terminals.find((fd) => fd !== 0) ?? 0;
      this.#relay = new PtyRelay({ terminal: 0, output, master }, watcher(), () => this.#hangUp());
      this.#outputs = [];
      this.#theirs = [slave];
      this.child = { fds: [0, 1, 2].map((fd) => terminals.includes(fd) ? slave : fd), isTerminal: true };
      return;
    }
    this.#relay = null;
    const pipes = new Map(terminals.map((fd) => [fd, new OutputPipe(fd, watcher())]));
    this.#outputs = [...pipes.values()];
    this.#theirs = this.#outputs.map(({ writer }) => writer);
    this.child = { fds: [0, 1, 2].map((fd) => pipes.get(fd)?.writer ?? fd), isTerminal: false };
  }

  /** Throws SysError where there can be no child. */
  async run(spec: Omit<ChildSpec, "spawnId">): Promise<SessionEnd> {
    const children = new Children(() => {});
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    process.on("SIGCHLD", () => {
      const status = this.#process === null ? null : reap(this.#process.pid);
      if (status !== null) resolve(status);
    });
    for (const name of ENDING) process.on(name, () => this.#end(parseSignal(name) ?? SIGKILL));
    for (const name of TOLD) process.on(name, () => this.#tell(parseSignal(name) ?? 0));
    // No handler of the runtime's, which would end us: a reader of ours may be gone.
    process.on("SIGPIPE", () => {});
    // Signals alone keep no event loop going.
    const pulse = setInterval(() => {}, A_LONG_TIME_MS);
    try {
      this.#process = children.start(spec);
    } finally {
      for (const fd of this.#theirs) closeFd(fd);
    }
    this.#relay?.start();
    const { pid } = this.#process;
    // It may have ended before it had a name here.
    const early = reap(pid);
    if (early !== null) resolve(early);
    const status = await promise;
    clearInterval(pulse);
    const failure = children.failureOf(pid);
    this.#process = null;
    if (!this.#isHungUp) this.#relay?.finish();
    for (const output of this.#outputs) output.finish();
    const code = this.#endedBy === null ? exitCodeOf(status) : 128 + this.#endedBy;
    return { code, failure };
  }

  /** Nothing is started: what was made for it is given up. */
  abandon(): void {
    for (const fd of this.#theirs) closeFd(fd);
  }

  /** A second one does not wait. */
  #end(signal: number): void {
    const isFirst = this.#endedBy === null;
    // Without a terminal of its own an interrupt is the child's to answer.
    if (this.#relay !== null || signal !== INTERRUPT) this.#endedBy ??= signal;
    this.#tell(isFirst ? signal : SIGKILL);
    if (!isFirst) return;
    if (this.#relay !== null) this.#hangUp();
    if (this.#endedBy !== null) setTimeout(() => this.#tell(SIGKILL), PATIENCE_MS).unref();
  }

  #tell(signal: number): void {
    if (this.#process !== null) signalDaemon(this.#process, signal);
  }

  /** The person's terminal is gone: the kernel tells everybody who has the child's. */
  #hangUp(): void {
    if (this.#isHungUp) return;
    this.#isHungUp = true;
    this.#endedBy ??= HANG_UP;
    this.#relay?.close();
    setTimeout(() => this.#tell(SIGKILL), PATIENCE_MS).unref();
  }
}

const HANG_UP = 1;
const INTERRUPT = 2;

function openFirstPty(roots: readonly number[], owner: { readonly uid: number; readonly gid: number }) {
  let problem: unknown = new Error("there is no devpts");
  for (const root of roots) {
    try {
      return openPty(root, owner);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}
