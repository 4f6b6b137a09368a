/**
 * Which of the processes that reeve reaps belongs to whom. A pid stands here only while its process is our
 * unreaped child or is followed through a pidfd, so that it cannot have been given to another process
 * meanwhile.
 */
import type { ExitCause } from "../sys/process_id.ts";

/** The step that a child failed at before it became its program. */
export interface SetupFailure {
  /** "chdir", "setuid", "exec" ... */
  readonly stage: string;
  readonly errno: number;
  /** mount: which of the child's mounts, counted from 0. */
  readonly detail?: number;
  /**
   * Its object and the remedy, where the namespaces that the child was to live in know more than its plan.
   */
  readonly words?: string;
}

export interface Owner {
  /** The name of a daemon. */
  readonly name?: string;
  reaped(pid: number, cause: ExitCause, failure: SetupFailure | null): void;
}

export class Registry {
  readonly #owners = new Map<number, Owner>();

  set(pid: number, owner: Owner): void {
    this.#owners.set(pid, owner);
  }

  get(pid: number): Owner | undefined {
    return this.#owners.get(pid);
  }

  has(pid: number): boolean {
    return this.#owners.has(pid);
  }

  /** Some process of a daemon runs. */
  get hasDaemons(): boolean {
    return this.#owners.values().some(({ name }) => name !== undefined);
  }

  /** Only when it is still `owner`'s: the number may have been taken over by a newer child. */
  delete(pid: number, owner: Owner): void {
    if (this.#owners.get(pid) === owner) this.#owners.delete(pid);
  }

  pids(): readonly number[] {
    return [...this.#owners.keys()];
  }
}
