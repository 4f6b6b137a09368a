/**
 * The document of the statistics server: uWSGI's as far as an instance without workers has something to say, and under names
 * that uWSGI does not use what it leaves out. Pure. Nothing secret may come in here: whoever reaches the address reads it.
 */

export interface DaemonFacts {
  readonly name: string;
  /** Secrets masked. */
  readonly command: string;
  readonly pid: number;
  readonly respawns: number;
  readonly state: string;
  readonly legion: string | null;
}

export interface LegionFacts {
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

export interface InstanceFacts {
  readonly version: string;
  readonly instance: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  readonly daemons: readonly DaemonFacts[];
  readonly legions: readonly LegionFacts[];
}

/** JSON, ending with a newline. */
export function statsDocument(facts: InstanceFacts, minified: boolean): string {
  const document = {
    version: facts.version,
    listen_queue: 0,
    listen_queue_errors: 0,
    signal_queue: 0,
    load: 0,
    pid: facts.pid,
    uid: facts.uid,
    gid: facts.gid,
    cwd: facts.cwd,
    instance: facts.instance,
    daemons: facts.daemons.map(({ command, pid, respawns, name, state, legion }) => ({
      cmd: command,
      pid,
      respawns,
      name,
      state,
      legion,
    })),
    // Tools that read a uWSGI server's statistics ask for these.
    locks: [],
    sockets: [],
    workers: [],
    ...(facts.legions.length === 0 ? {} : { legions: facts.legions.map(legionDocument) }),
  };
  return `${JSON.stringify(document, null, minified ? undefined : "\t")}\n`;
}

function legionDocument(legion: LegionFacts): Readonly<Record<string, unknown>> {
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
