/**
 * The document of the statistics server: uWSGI's as far as an instance without workers has something to say,
 * and under names that uWSGI does not use what it leaves out. Pure. Nothing secret may come in here: whoever
 * reaches the address reads it.
 */
import { causeText, type DaemonSnapshot, type LegionSnapshot, type Snapshot } from "../snapshot.ts";

/** JSON, ending with a newline. */
export function statsDocument(facts: Snapshot, version: string, minified: boolean): string {
  const document = {
    version,
    listen_queue: 0,
    listen_queue_errors: 0,
    signal_queue: 0,
    load: 0,
    pid: facts.pid,
    uid: facts.uid,
    gid: facts.gid,
    cwd: facts.cwd,
    instance: facts.instance,
    daemons: facts.daemons.map(daemonDocument),
    // Tools that read a uWSGI server's statistics ask for these.
    locks: [],
    sockets: [],
    workers: [],
    ...(facts.legions.length === 0 ? {} : { legions: facts.legions.map(legionDocument) }),
  };
  return `${JSON.stringify(document, null, minified ? undefined : "\t")}\n`;
}

function daemonDocument(daemon: DaemonSnapshot): Readonly<Record<string, unknown>> {
  const { lastExit, nextStart, since } = daemon;
  return {
    cmd: daemon.command,
    pid: daemon.pid,
    respawns: daemon.respawns,
    name: daemon.name,
    state: daemon.state,
    legion: daemon.legion,
    desired: daemon.desired,
    kind: daemon.kind,
    older_command: daemon.isOlder,
    since: since === null ? null : Math.floor(since / 1000),
    last_exit: lastExit === null ? null : causeText(lastExit),
    next_start: nextStart === null ? null : Math.ceil(nextStart / 1000),
  };
}

function legionDocument(legion: LegionSnapshot): Readonly<Record<string, unknown>> {
  return {
    legion: legion.name,
    addr: legion.address,
    uuid: legion.id.uuid,
    valor: legion.id.valor,
    checksum: Number(legion.checksum),
    quorum: legion.quorum,
    i_am_the_lord: legion.isLord ? legion.since : 0,
    lord_valor: legion.lordValor,
    lord_uuid: legion.lordUuid,
    nodes: legion.nodes,
    members: legion.members.map((member) => ({
      name: member.name,
      uuid: member.uuid,
      valor: member.valor,
      checksum: Number(member.checksum),
      last_seen: member.lastSeen,
      lord_valor: member.lordValor,
      lord_uuid: member.lordUuid,
      scroll: member.scroll,
    })),
    name: legion.id.name,
    votes: legion.votes,
    since: legion.since,
    lord_scroll: legion.lordScroll,
    problem: legion.problem,
    refused: legion.refused,
  };
}
