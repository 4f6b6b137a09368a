/**
 * The running state as lines of the log: one for the jail, each daemon, each legion and each of its members.
 * Pure.
 */
import { causeText, type DaemonSnapshot, type LegionSnapshot, type Snapshot } from "./snapshot.ts";

export interface StateLine {
  /** The daemon that the line is about; null: the instance. */
  readonly daemon: string | null;
  readonly text: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export function stateLines({ at, jail, daemons, legions }: Snapshot): readonly StateLine[] {
  const jailLine = jail === null
    ? []
    : [{ daemon: null, text: `jail: ${jail.state}`, fields: { pid: jail.pid, root: jail.root } }];
  return [...jailLine, ...daemons.map((daemon) => daemonLine(daemon, at)), ...legions.flatMap(legionLines)];
}

function daemonLine(daemon: DaemonSnapshot, at: number): StateLine {
  const { since, nextStart, lastExit } = daemon;
  const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(0)}s`;
  return {
    daemon: daemon.name,
    text: daemon.state,
    fields: {
      desired: daemon.desired,
      kind: daemon.kind,
      pid: daemon.pid,
      respawns: daemon.respawns,
      ...(daemon.isUp && since !== null ? { up: seconds(at - since) } : {}),
      ...(lastExit === null ? {} : { last_exit: causeText(lastExit) }),
      ...(nextStart === null ? {} : { next_start: seconds(nextStart - at) }),
      ...(daemon.isOlder ? { older: "until it is restarted" } : {}),
      command: daemon.command,
    },
  };
}

function legionLines(legion: LegionSnapshot): readonly StateLine[] {
  const { name, isLord, id, votes, quorum, members, since, lordUuid, problem } = legion;
  const lord = lordUuid === id.uuid ? id.name : members.find(({ uuid }) => uuid === lordUuid)?.name ?? "";
  const own: StateLine = {
    daemon: null,
    text: `legion "${name}": ${isLord ? "i am the Lord" : "i am not the Lord"}`,
    fields: {
      lord,
      since: new Date(since * 1000).toISOString(),
      valor: id.valor,
      uuid: id.uuid,
      votes,
      quorum,
      members: members.length,
      ...(problem === null ? {} : { problem }),
    },
  };
  return [
    own,
    ...members.map((member): StateLine => ({
      daemon: null,
      text: `legion "${name}": ${member.valor > 0 ? "node" : "arbiter"}: ${member.name}`,
      fields: {
        valor: member.valor,
        uuid: member.uuid,
        last_seen: new Date(member.lastSeen * 1000).toISOString(),
        vote_valor: member.lordValor,
        vote_uuid: member.lordUuid,
      },
    })),
  ];
}
