/**
 * The running state of an instance at one moment, described once: lines of the log, the statistics, commands
 * that ask for it are views of this. Pure data; nothing secret may come in here, since anybody may be shown
 * it.
 */
import { closedGates, type Gate } from "../daemon/gates.ts";
import type { DaemonStatus, Desired, State } from "../daemon/state.ts";
import { signalName } from "../sys/signal_names.ts";
import type { ExitCause } from "../sys/process_id.ts";

export interface DaemonSnapshot {
  readonly name: string;
  readonly kind: string;
  /** Secrets masked. */
  readonly command: string;
  /** Its configuration has another start by now: it runs as it was started, until it is restarted. */
  readonly isOlder: boolean;
  readonly legion: string | null;
  readonly state: State;
  readonly desired: Desired;
  /** The gates that keep it down, or would. */
  readonly closed: readonly Gate[];
  /** 0: nothing of it runs. */
  readonly pid: number;
  readonly respawns: number;
  /** Milliseconds since 1970 of the last start or adoption; null: it was never started. */
  readonly since: number | null;
  /** It runs, and not only its launcher. */
  readonly isUp: boolean;
  readonly lastExit: ExitCause | null;
  /** Milliseconds since 1970: when its delay is over; null: none runs. */
  readonly nextStart: number | null;
}

export interface JailSnapshot {
  readonly state: string;
  readonly pid: number;
  readonly root: string;
}

export interface LegionSnapshot {
  readonly name: string;
  readonly address: string;
  readonly id: { readonly uuid: string; readonly name: string; readonly valor: number };
  readonly nodes: readonly string[];
  readonly members: readonly {
    readonly name: string;
    readonly uuid: string;
    readonly valor: number;
    readonly checksum: bigint;
    readonly lastSeen: number;
    readonly lordValor: number;
    readonly lordUuid: string;
    readonly scroll: string | null;
  }[];
  readonly checksum: bigint;
  readonly votes: number;
  readonly quorum: number;
  readonly isLord: boolean;
  /** Seconds since 1970: since when it is the lord, or is not. */
  readonly since: number;
  readonly lordValor: number;
  readonly lordUuid: string;
  readonly lordScroll: string | null;
  readonly problem: string | null;
  readonly refused: Readonly<Record<string, number>>;
}

export interface Snapshot {
  /** Milliseconds since 1970 at which this was so. */
  readonly at: number;
  readonly instance: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  /** null: daemons run where reeve does. */
  readonly jail: JailSnapshot | null;
  readonly daemons: readonly DaemonSnapshot[];
  readonly legions: readonly LegionSnapshot[];
}

export interface SnapshotSource {
  readonly plan: { readonly name: string; readonly kind: string; readonly legion: string | null };
  readonly status: Readonly<DaemonStatus>;
  readonly shownCommand: string;
  /** As it is from its next start on; null: as it is. */
  readonly next: object | null;
}

/** `clock`: what the monotonic clock of the status says, and milliseconds since 1970, at the same moment. */
export function daemonSnapshot(
  { plan: { name, kind, legion }, status, shownCommand, next }: SnapshotSource,
  clock: { readonly now: number; readonly at: number },
): DaemonSnapshot {
  const { state, desired, gates, main, child, respawns, since, started, lastExit, nextStart } = status;
  const wall = (time: number): number => Math.round(clock.at + time - clock.now);
  return {
    name,
    kind,
    command: shownCommand,
    isOlder: next !== null && (state === "running" || state === "starting"),
    legion,
    state,
    desired,
    closed: closedGates(gates),
    pid: (main ?? child)?.pid ?? 0,
    respawns,
    since: started ? wall(since) : null,
    isUp: main !== null,
    lastExit,
    nextStart: nextStart === null ? null : wall(nextStart),
  };
}

export function causeText(cause: ExitCause): string {
  if (cause.kind === "exited") return `code ${cause.code}`;
  return cause.kind === "killed" ? `signal ${signalName(cause.signal)}` : "unknown";
}
