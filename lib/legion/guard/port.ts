/**
 * The calls that a lordship makes to a guard (lib/sys/child/guard.ts), so that tests pass one without
 * processes. Types only.
 */

export interface LordGuard {
  /** Where daemons are to be born; null: not yet, or no longer. */
  readonly place: { readonly initPid: number; readonly pidNamespaceFd: number } | null;
  /** Milliseconds of the boot-time clock. false: it takes no commands, what it has stands. */
  push(deadline: number): boolean;
  watch(pid: number, signal: number, graceMs: number): boolean;
  /** All have been told to stop. */
  hush(): void;
  kill(): void;
}

export interface GuardEvents {
  ready(): void;
  told(pid: number): void;
  /** Everything in the namespace is dead. `problem`: why there could be no guard; null: it had begun. */
  ended(problem: string | null): void;
}

/** Starts a guard that holds `deadline` from the start. Throws an Error that says why it cannot. */
export type StartGuard = (deadline: number, events: GuardEvents) => LordGuard;
