/**
 * The children that reeve starts: each gets the number by which it reports what it could not do. Must never
 * hold a child's pidfd: ten thousand daemons need none.
 */
import type { ProcessId } from "../sys/process_id.ts";
import { describePlaceFailure } from "../jail/failure.ts";
import type { ChildSpec } from "../sys/child/child_spec.ts";
import { closePidfd } from "../sys/process/pidfd.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import type { Death } from "../sys/keeper/packets.ts";
import { readStat } from "../sys/process/process_table.ts";
import { drainReports } from "../sys/child/reports.ts";
import { type Gate, spawnChild } from "../sys/child/spawn.ts";
import { stageName } from "../sys/child/stage.ts";
import type { SetupFailure } from "./registry.ts";
import { UNKNOWN_START } from "./signaller.ts";

export class Children {
  /** By pid: a report names the spawn, a death names the pid. */
  readonly #live = new Map<number, Pick<ChildSpec, "spawnId" | "confinement">>();
  readonly #failures = new Map<number, SetupFailure>();
  /** The children that wait to be let in, by pid. */
  readonly #gates = new Map<number, Gate>();
  readonly #onStarted: () => void;
  /** Two cores of one keeper give no number twice. */
  #nextSpawnId = (keeper()?.welcome.generation ?? 0) * 2 ** 32 + 1;

  constructor(onStarted: () => void) {
    this.#onStarted = onStarted;
  }

  /** Throws as spawnChild does. */
  start(spec: Omit<ChildSpec, "spawnId">): ProcessId {
    const spawnId = this.#nextSpawnId++;
    const { pid, pidfd, gate, startTime } = spawnChild({ ...spec, spawnId });
    if (gate !== null) this.#gates.set(pid, gate);
    // Our unreaped child keeps its pid: the number is as good as the descriptor.
    if (pidfd !== null) closePidfd(pidfd);
    this.#live.set(pid, { spawnId, confinement: spec.confinement ?? null });
    this.#onStarted();
    return {
      pid,
      startTime: startTime === undefined || startTime === UNKNOWN_START ? startTimeOf(pid) : startTime,
    };
  }

  /** A gated child is on record: it may begin. Another one begins by itself. */
  letIn(pid: number): void {
    const gate = this.#gates.get(pid);
    if (gate === undefined) return;
    this.#gates.delete(pid);
    gate.letIn();
  }

  /** The stage at which the child `pid` failed, if it has reported one. */
  failureOf(pid: number): SetupFailure | null {
    for (const { spawnId, stage, errno, detail } of drainReports()) {
      const failure = { stage: stageName(stage), errno };
      this.#failures.set(spawnId, detail === 0 ? failure : { ...failure, detail });
    }
    const child = this.#live.get(pid);
    const failure = child === undefined ? null : this.#failures.get(child.spawnId) ?? null;
    const confinement = child?.confinement ?? null;
    if (failure === null || confinement === null) return failure;
    const { root, mounts, hostname } = confinement;
    const words = describePlaceFailure({ root: root?.path ?? null, mounts, hostname }, failure);
    return words === null ? failure : { ...failure, words };
  }

  /** The keeper has told at which step the child `pid` failed. */
  reported(pid: number, { stage, errno, detail }: Pick<Death, "stage" | "errno" | "detail">): void {
    const child = this.#live.get(pid);
    if (child === undefined) return;
    const failure = { stage: stageName(stage), errno };
    this.#failures.set(child.spawnId, detail === 0 ? failure : { ...failure, detail });
  }

  /** The pid means nothing any more. */
  forget(pid: number): void {
    const gate = this.#gates.get(pid);
    gate?.close();
    this.#gates.delete(pid);
    const child = this.#live.get(pid);
    if (child === undefined) return;
    this.#live.delete(pid);
    this.#failures.delete(child.spawnId);
  }
}

/** The child runs already: that its start time cannot be read (no descriptor free) must not lose it. */
function startTimeOf(pid: number): bigint {
  try {
    return readStat(pid)?.startTime ?? UNKNOWN_START;
  } catch {
    return UNKNOWN_START;
  }
}
