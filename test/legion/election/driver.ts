/**
 * One node of a legion, driven by hand: a test says who is heard and how time goes, and sees what the node
 * does.
 */
import type { Announcement, NodeId } from "../../../lib/legion/election/announcement.ts";
import { startElection, step } from "../../../lib/legion/election/election.ts";
import type {
  Effect,
  ElectionSettings,
  ElectionState,
  Input,
  Member,
  Moment,
} from "../../../lib/legion/election/types.ts";
import { checksumOf } from "../../../lib/legion/election/members.ts";

export const UNIX = 1_700_000_000;

/** `mark`: a hexadecimal digit; the greater, the greater the uuid. */
export function nodeId(mark: string, valor: number): NodeId {
  return { uuid: `${mark.repeat(8)}-0000-4000-8000-000000000000`, name: `host-${mark}`, valor };
}

export const ELECTION_SETTINGS: ElectionSettings = {
  legion: "mylegion",
  self: nodeId("5", 50),
  pid: 7,
  quorum: 1,
  freq: 1000,
  tolerance: 5000,
  suspension: null,
  scroll: null,
  scrollMaxSize: 4096,
};

export class ElectionDriver {
  state: ElectionState;
  readonly effects: Effect[] = [];
  clock = 1000;
  readonly settings: ElectionSettings;

  constructor(settings: Partial<ElectionSettings> = {}) {
    this.settings = { ...ELECTION_SETTINGS, ...settings };
    const { state, effects } = startElection(this.settings, this.moment);
    this.state = state;
    this.effects.push(...effects);
  }

  get moment(): Moment {
    return { clock: this.clock, unix: UNIX + Math.floor(this.clock / 1000) };
  }

  give(input: Input): readonly Effect[] {
    const { state, effects } = step(this.state, input, this.moment);
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  /** Time goes on, and every tick comes when it is due. */
  pass(ms: number): readonly Effect[] {
    const end = this.clock + ms;
    const seen: Effect[] = [];
    while (this.state.wakeAt <= end) {
      this.clock = Math.max(this.clock, this.state.wakeAt);
      seen.push(...this.give({ type: "tick" }));
    }
    this.clock = end;
    return seen;
  }

  hear(id: NodeId, more: Partial<Announcement> = {}): readonly Effect[] {
    const announcement: Announcement = {
      legion: this.settings.legion,
      id,
      pid: 1,
      unix: this.moment.unix,
      lord: 0,
      checksum: 0n,
      lordValor: 0,
      lordUuid: "",
      scroll: null,
      dead: false,
      ...more,
    };
    return this.give({ type: "announcementReceived", announcement });
  }

  /** Says what agrees with these nodes and this one being there, and `lord` being right. */
  agree(
    id: NodeId,
    lord: NodeId,
    others: readonly NodeId[] = [],
    more: Partial<Announcement> = {},
  ): readonly Effect[] {
    const known = [id, ...others].map((each): Member => ({
      id: each,
      seenAt: 0,
      heardAt: 0,
      votedAt: 0,
      checksum: 0n,
      lord: 0,
      lordValor: 0,
      lordUuid: "",
      holding: false,
      candidacy: 0,
      scroll: null,
    }));
    const checksum = checksumOf(this.settings.self, known);
    return this.hear(id, { checksum, lordUuid: lord.uuid, lordValor: lord.valor, ...more });
  }

  /** As `agree`, at every freq, until so much time has passed. */
  agreeFor(
    ms: number,
    nodes: readonly NodeId[],
    lord: NodeId,
    more: Partial<Announcement> = {},
  ): readonly Effect[] {
    const seen: Effect[] = [];
    for (let left = ms; left > 0; left -= this.settings.freq) {
      for (const id of nodes) seen.push(...this.agree(id, lord, nodes.filter((other) => other !== id), more));
      seen.push(...this.pass(Math.min(left, this.settings.freq)));
    }
    return seen;
  }

  get isLord(): boolean {
    return this.state.term !== 0;
  }

  get said(): Announcement | undefined {
    return announcements(this.effects).at(-1);
  }

  get log(): readonly string[] {
    return this.effects.flatMap((effect) => effect.do === "log" ? [effect.text] : []);
  }
}

export function announcements(effects: readonly Effect[]): readonly Announcement[] {
  return effects.flatMap((effect) => effect.do === "announce" ? [effect.announcement] : []);
}

/** Without what is only said: hooks by their event, the others by their name. */
export function deeds(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.do === "log") return [];
    return effect.do === "runHooks" ? [effect.event] : [effect.do];
  });
}
