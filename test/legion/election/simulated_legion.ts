/**
 * A legion of simulated machines in bad weather, and what must be true of it at every instant: no two lords
 * that both have their quorum. Made from one seed, which is all that is needed to see a failure again.
 */
import { generator } from "../../support/random.ts";
import type { Announcement } from "../../../lib/legion/election/announcement.ts";
import { timingOf } from "../../../lib/legion/election/timing.ts";
import { type MachineSettings, SimulatedNode } from "./simulated_node.ts";
import { SimulatedNetwork, Timeline } from "./simulated_network.ts";

export interface Meeting {
  readonly time: number;
  readonly lords: readonly string[];
}

export class SimulatedLegion {
  readonly timeline = new Timeline();
  readonly random: () => number;
  readonly network: SimulatedNetwork;
  readonly machines: readonly SimulatedNode[];
  readonly timing: ReturnType<typeof timingOf>;
  readonly meetings: Meeting[] = [];
  /**
   * When a packet was heard last that was late by more than the proof allows; with how much of the machines'
   * sleep is no matter.
   */
  lateAt = -Infinity;
  packets = 0;
  /** How often a machine named one while another, as it stood when it was named shortly before, was lord. */
  brokenPromises = 0;
  readonly #named: { readonly uuid: string; readonly candidacy: number; readonly time: number }[] = [];
  #uuids = 0;

  constructor(seed: number, settings: readonly MachineSettings[]) {
    this.random = generator(seed);
    const [first] = settings;
    this.timing = timingOf({
      legion: "l",
      self: { uuid: "", name: "", valor: 1 },
      pid: 1,
      quorum: first!.quorum,
      freq: first!.freq,
      tolerance: first!.tolerance,
      suspension: null,
      scroll: null,
      scrollMaxSize: 0,
    });
    this.network = new SimulatedNetwork(this.timeline, this.random, settings.length, {
      loss: 0,
      duplication: 0,
      leastDelay: 0.1,
      mostDelay: this.nominalDelay / 50,
    });
    this.machines = settings.map((each, index) =>
      new SimulatedNode(each, {
        now: () => this.timeline.now,
        at: (time, run) => this.timeline.at(time, run),
        newUuid: () => this.#newUuid(),
        send: (announcement) => this.#broadcast(index, announcement),
        changed: () => this.#look(),
      })
    );
  }

  /** Milliseconds: as long as no packet is on its way for longer, no two lords may meet. */
  get nominalDelay(): number {
    return 2 * this.timing.heartbeat;
  }

  get lords(): readonly SimulatedNode[] {
    return this.machines.filter((machine) => machine.isLord);
  }

  #broadcast(from: number, announcement: Announcement): void {
    const sentAt = this.timeline.now;
    this.#noteName(from, announcement.lordUuid, announcement.votedCandidacy ?? 0);
    for (let to = 0; to < this.machines.length; to++) {
      if (to === from) continue;
      this.network.send(from, to, () => {
        this.packets += 1;
        if (this.timeline.now - sentAt > this.nominalDelay) this.lateAt = this.timeline.now;
        this.machines[to]!.give({ type: "announcementReceived", announcement });
      });
    }
  }

  #noteName(from: number, uuid: string, candidacy: number): void {
    if (uuid === "") return;
    const time = this.timeline.now;
    const last = this.#named[from];
    if (last !== undefined && last.uuid !== uuid && time < last.time + this.timing.lock * 0.999) {
      const isLord = (uuid: string, candidacy: number) =>
        this.lords.some(({ state }) => state!.settings.self.uuid === uuid && state!.candidacy === candidacy);
      if (isLord(last.uuid, last.candidacy)) this.brokenPromises += 1;
    }
    if (uuid !== this.machines[from]!.state?.settings.self.uuid) {
      this.#named[from] = { uuid, candidacy, time };
    }
  }

  #look(): void {
    let lords = 0;
    for (const machine of this.machines) if (machine.isLord) lords += 1;
    if (lords < 2) return;
    this.meetings.push({ time: this.timeline.now, lords: this.lords.map(({ settings }) => settings.name) });
  }

  #newUuid(): string {
    this.#uuids += 1;
    const hex = Math.floor(this.random() * 2 ** 32).toString(16).padStart(8, "0");
    return `${hex}-0000-4000-8000-${this.#uuids.toString(16).padStart(12, "0")}`;
  }
}
