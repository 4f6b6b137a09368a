/**
 * What happens to a simulated legion, drawn from its seed: cuts, loss, sleep, deaths and returns; then calm,
 * in which it must find its lord.
 */
import { generator } from "../../support/random.ts";
import type { MachineSettings } from "./simulated_node.ts";
import { SimulatedLegion } from "./simulated_legion.ts";

export interface Outcome {
  readonly seed: number;
  readonly size: number;
  readonly packets: number;
  readonly lordships: number;
  /** Two lords at once although no packet had been late. */
  readonly forbidden: readonly string[];
  /** Two lords at once after packets that came too late. */
  readonly excused: number;
  readonly brokenPromises: number;
  /** Milliseconds of calm until there was one lord, for good, and all named it; null: never. */
  readonly settledAfter: number | null;
  /** The lord is the best of those that live. */
  readonly right: boolean;
  readonly tolerance: number;
  readonly freq: number;
}

/** `late`: packets may be on their way for much longer than the proof allows. */
export function runChaos(seed: number, late = false): Outcome {
  const random = generator(seed * 7919 + 13);
  const pick = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const size = random() < 0.9 ? pick(3, 9) : random() < 0.7 ? pick(10, 25) : pick(26, 50);
  const freq = [100, 1000, 3000][pick(0, 2)]!;
  const tolerance = freq * pick(4, 6);
  const settings = Array.from({ length: size }, (_, index): MachineSettings => ({
    name: `node${index}`,
    valor: index > 0 && random() < 0.15 ? 0 : pick(1, random() < 0.5 ? 3 : 100),
    quorum: Math.floor(size / 2) + 1,
    freq,
    tolerance,
    suspension: random() < 0.5 ? pick(1, 5) * freq : null,
    clockOffset: pick(0, 1_000_000),
    clockRate: 1 + (random() - 0.5) * 2e-4,
    wallOffset: pick(-30, 30),
    stopTime: random() < 0.5 ? 0 : random() * tolerance,
  }));
  const legion = new SimulatedLegion(seed, settings);
  const { machines, timeline, network } = legion;
  const lossy = random() < 0.6;
  network.weather.loss = lossy ? random() * 0.3 : 0;
  network.weather.duplication = random() * 0.2;
  network.weather.mostDelay = late
    ? tolerance * random() * 3
    : legion.nominalDelay * (0.02 + random() * 0.97);

  let lordships = 0;
  let meetings = 0;
  const forbidden: string[] = [];
  let excused = 0;
  const judge = () => {
    for (const meeting of legion.meetings.slice(meetings)) {
      // What a late packet brings about: one is named for a lease more, in packets that are late by a margin
      // and count for a lease.
      if (late && meeting.time - legion.lateAt <= (legion.timing.lease + legion.timing.lock) * 1.001) {
        excused += 1;
      } else forbidden.push(`${meeting.time.toFixed(1)} ms: ${meeting.lords.join(" ")}`);
    }
    meetings = legion.meetings.length;
  };
  for (const machine of machines) timeline.at(random() * tolerance, () => machine.start());
  const span = tolerance * (size > 25 ? 3 : size > 9 ? 6 : 14);
  while (timeline.now < span) {
    const machine = machines[pick(0, size - 1)]!;
    disturb(random(), machine);
    const before = machines.map((each) => each.isLord);
    timeline.run(timeline.now + random() * tolerance * 0.6);
    machines.forEach((each, index) => lordships += each.isLord && !before[index] ? 1 : 0);
    judge();
  }

  function disturb(dice: number, machine: (typeof machines)[number]): void {
    if (dice < 0.15) partition();
    else if (dice < 0.22) network.heal();
    else if (dice < 0.27) network.cut(pick(0, size - 1), pick(0, size - 1));
    else if (dice < 0.35) isolate(legion.lords[0] ?? machine);
    else if (dice < 0.42) defect(machine);
    else if (dice < 0.6) {
      const target = random() < 0.5 ? legion.lords[0] ?? machine : machine;
      target.sleep();
      timeline.at(timeline.now + random() ** 2 * tolerance * 2, () => target.wake());
    } else if (dice < 0.75) {
      const target = random() < 0.5 ? legion.lords[0] ?? machine : machine;
      target.kill();
      timeline.at(timeline.now + random() ** 2 * tolerance * 2, () => target.start());
    } else if (dice < 0.85) {
      machine.give({ type: "stopAsked" });
      const { stopTime } = machine.settings;
      timeline.at(timeline.now + stopTime + 1, () => machine.kill());
      timeline.at(timeline.now + stopTime + 2 + random() * tolerance, () => machine.start());
    } else if (dice < 0.95) legion.lords[0]?.give({ type: "lordHookFailed" });
  }

  /** First one direction of its links goes, a little later the other. */
  function isolate(machine: (typeof machines)[number]): void {
    const self = machines.indexOf(machine);
    const outFirst = random() < 0.7;
    for (let other = 0; other < size; other++) outFirst ? network.cut(self, other) : network.cut(other, self);
    timeline.at(timeline.now + random() * tolerance, () => {
      for (let other = 0; other < size; other++) {
        outFirst ? network.cut(other, self) : network.cut(self, other);
      }
    });
  }

  /** The lord is left with the least majority; then one of that dies and comes back on the other side. */
  function defect(machine: (typeof machines)[number]): void {
    const lord = legion.lords[0] ?? machine;
    const mine = new Set([lord]);
    while (mine.size < lord.settings.quorum) mine.add(machines[pick(0, size - 1)]!);
    const divide = () => {
      network.heal();
      for (let from = 0; from < size; from++) {
        for (let to = 0; to < size; to++) {
          if (mine.has(machines[from]!) !== mine.has(machines[to]!)) network.cut(from, to);
        }
      }
    };
    divide();
    timeline.at(timeline.now + tolerance * (1 + random()), () => {
      const traitor = [...mine].find((each) => each !== lord);
      if (traitor === undefined) return;
      mine.delete(traitor);
      if (random() < 0.7) traitor.kill();
      divide();
      timeline.at(timeline.now + random() * tolerance * 0.3, () => traitor.start());
    });
  }

  function partition(): void {
    network.heal();
    const groups = Array.from({ length: size }, () => pick(0, 1 + pick(0, 1)));
    const oneWay = random() < 0.3;
    for (let from = 0; from < size; from++) {
      for (let to = 0; to < size; to++) {
        if (groups[from]! !== groups[to]! && (!oneWay || groups[from]! < groups[to]!)) network.cut(from, to);
      }
    }
  }

  // What was begun comes to its end.
  timeline.run(timeline.now + 2.5 * tolerance);
  network.heal();
  network.weather.loss = 0;
  network.weather.duplication = 0;
  network.weather.mostDelay = legion.nominalDelay / 4;
  for (const machine of machines) {
    machine.wake();
    machine.start();
  }
  let calm = timeline.now;
  let settledAt: number | null = null;
  let lord: string | null = null;
  while (timeline.now < calm + 12 * tolerance) {
    timeline.run(timeline.now + freq / 4);
    judge();
    // A machine that is still down, stopping or suspended is no calm yet.
    if (machines.some(({ state }) => state?.life !== "running")) calm = timeline.now;
    const uuid = settledLord(legion);
    if (uuid === null || uuid !== lord) settledAt = uuid === null ? null : timeline.now;
    lord = uuid;
    if (settledAt !== null && timeline.now - settledAt > 2 * tolerance) break;
  }
  return {
    seed,
    size,
    packets: legion.packets,
    lordships,
    forbidden,
    excused,
    brokenPromises: legion.brokenPromises,
    settledAfter: settledAt === null ? null : settledAt - calm,
    right: isBest(legion, lord),
    tolerance,
    freq,
  };
}

/** The uuid of the one lord that all machines name; null: not so. */
function settledLord(legion: SimulatedLegion): string | null {
  const [lord, ...others] = legion.lords;
  if (lord === undefined || others.length > 0) return null;
  const { uuid } = lord.state!.settings.self;
  return legion.machines.every(({ state }) => state?.namedUuid === uuid && state.life === "running")
    ? uuid
    : null;
}

function isBest(legion: SimulatedLegion, uuid: string | null): boolean {
  const best = legion.machines.flatMap(({ state }) => state === null ? [] : [state.settings.self])
    .toSorted((a, b) => b.valor - a.valor || (a.uuid < b.uuid ? 1 : -1))[0]!;
  return best.uuid === uuid;
}
