/**
 * The words of a node of a legion about itself, as it stands in uWSGI's packets. Types only: wire.ts turns it
 * into bytes and back, election.ts draws conclusions from it.
 */

/** uWSGI's identity of a member: valor, host name, uuid (36 characters); compared byte by byte. */
export interface NodeId {
  readonly uuid: string;
  readonly name: string;
  readonly valor: number;
}

export interface Announcement {
  readonly legion: string;
  readonly id: NodeId;
  readonly pid: number;
  /** Seconds since 1970 by the sender's clock. */
  readonly unix: number;
  /** It is the lord: since when, seconds since 1970; 0: it is not. */
  readonly lord: number;
  /** Sum over all members that the sender knows, itself included; modulo 2^64. */
  readonly checksum: bigint;
  /** The right lord in the sender's eyes; nobody: valor 0 and "". */
  readonly lordValor: number;
  readonly lordUuid: string;
  readonly scroll: string | null;
  readonly dead: boolean;
  /**
   * It is no lord (any more), dead perhaps, but what it ran as one is still being stopped: the next lord
   * waits for that. In the packet it is a key of ours ("reeve_holding" = "1", behind all others but the MAC),
   * there only when true; uWSGI ignores it.
   */
  readonly holding?: boolean;
  /**
   * How often the sender has ceased to name itself for a better node. Votes for an earlier candidacy never
   * count again, so those who cast them may name another at once. As above: "reeve_candidacy", there only
   * when more than 0.
   */
  readonly candidacy?: number;
  /**
   * The candidacy of whom `lordUuid` names, as far as the sender knows. As above: "reeve_voted", only when
   * more than 0.
   */
  readonly votedCandidacy?: number;
}
