/**
 * The election's lines in the log, in uWSGI's words where it has them, so that what greps its log finds them
 * here too. Pure. Names come from packets: whoever writes a line escapes it.
 */
import type { NodeId } from "./announcement.ts";
import type { Member } from "./types.ts";
import { kindOf } from "./members.ts";

const described = (id: NodeId): string => `${kindOf(id)}: ${id.name} valor: ${id.valor} uuid: ${id.uuid}`;
const seconds = (ms: number): number => Math.round(ms / 100) / 10;

export const ELECTION_LINES = {
  joined: (id: NodeId, legion: string) => `${described(id)} joined Legion ${legion}`,
  left: (id: NodeId, legion: string) => `${described(id)} left Legion ${legion}`,
  died: (id: NodeId, legion: string) => `${described(id)} announced its death to Legion ${legion}`,
  crowded: (legion: string, most: number) =>
    `cannot add a node to Legion ${legion}: it has ${most} already, who sends so many announcements?`,
  attempting: (legion: string) => `attempting to become the Lord of the Legion ${legion}`,
  lord: (legion: string) => `i am now the Lord of the Legion ${legion}`,
  superseded: (id: { readonly valor: number; readonly uuid: string }, legion: string) =>
    `a new Lord (valor: ${id.valor} uuid: ${id.uuid}) raised for Legion ${legion}...`,
  noQuorum: (votes: number, legion: string, quorum: number) =>
    `no quorum: only ${votes} vote(s) for Legion ${legion}, ${quorum} needed to elect a Lord`,
  noLordWithoutQuorum: (legion: string) =>
    `i cannot be The Lord of The Legion ${legion} without a quorum ...`,
  disagreement: (legion: string, ms: number) =>
    `i cannot be The Lord of The Legion ${legion}: its nodes have disagreed for ${seconds(ms)} seconds`,
  waiting: (legion: string, who: string) =>
    `elected Lord of the Legion ${legion}, waiting until ${who} has stopped what it runs`,
  overruled: (legion: string, who: string, ms: number) =>
    `${who} still calls itself the Lord of the Legion ${legion} after ${
      seconds(ms)
    } seconds: not waiting any longer`,
  hookFailed: (legion: string) => `a lord hook of the Legion ${legion} failed, i stay its Lord`,
  suspended: (legion: string, ms: number) =>
    `suspending myself from Legion "${legion}" for ${seconds(ms)} seconds`,
  resumed: (legion: string) => `taking part in the Legion "${legion}" again`,
  slept: (legion: string, ms: number) =>
    `Legion ${legion}: nothing was heard or said for ${
      seconds(ms)
    } seconds longer than intended (stopped, or the machine was asleep or too busy)`,
  scroll: (text: string) => [
    "*********** The New Lord Scroll ***********",
    text,
    "*********** End of the New Lord Scroll ***********",
  ],
  quorum: (
    legion: string,
    lord: { readonly valor: number; readonly uuid: string },
    checksum: bigint,
    votes: number,
  ) =>
    `--- WE HAVE QUORUM FOR LEGION ${legion} !!! (valor: ${lord.valor} uuid: ${lord.uuid} checksum: ${checksum} votes: ${votes}) ---`,
  quorumNode: ({ id, lordValor, lordUuid }: Member, ageMs: number) =>
    `${described(id)} last_seen: ${seconds(ageMs)} vote_valor: ${lordValor} vote_uuid: ${lordUuid}`,
  quorumEnd: "--- END OF QUORUM REPORT ---",
} as const;
