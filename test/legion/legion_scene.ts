/** A legion whose elector and hooks are the test. */
import { expect } from "bun:test";
import type { LegionAction, LegionEvent, LegionPlan } from "../../lib/config/plan/legion_plan.ts";
import type { Elector, ElectorEvents, ElectorState, Term } from "../../lib/legion/election/elector.ts";
import { Legion, type LegionDeps } from "../../lib/legion/legion.ts";
import type { Variable } from "../../lib/legion/environment.ts";

export const ORIGIN = { file: "x.ini", line: 1 };

export const SELF = { uuid: "u".repeat(36), name: "node1", valor: 7 };

export const OTHER = { uuid: "v".repeat(36), name: "node2", valor: 5 };

export const STATE: ElectorState = {
  id: SELF,
  address: "127.0.0.1:1",
  nodes: [],
  members: [],
  checksum: 0n,
  votes: 1,
  quorum: 0,
  lordValor: 7,
  lordUuid: SELF.uuid,
  lordScroll: null,
  problem: null,
  refused: {},
};

export function plan(hooks: readonly [LegionEvent, string][], changes: Partial<LegionPlan> = {}): LegionPlan {
  const action = (shown: string): LegionAction => {
    const [kind = "", rest = ""] = shown.split(":");
    if (kind === "log") return { kind, text: rest };
    if (kind === "signal") return { kind, daemon: rest, signal: 10 };
    return { kind: "cmd", command: rest };
  };
  return {
    name: "blue",
    valor: 7,
    transport: {
      kind: "udp",
      listen: { kind: "udp4", address: "127.0.0.1", port: 1 },
      multicast: false,
      multicastInterface: null,
      broadcast: false,
      nodes: [],
      cipher: "aes-256-cbc",
      secret: "s",
      iv: null,
      authSecret: null,
    },
    quorum: 0,
    freq: 1,
    tolerance: 4,
    skewTolerance: 60,
    deathOnLordError: null,
    scroll: null,
    scrollMaxSize: 4096,
    scrollListMaxSize: 32_768,
    hookTimeout: 60,
    hooks: hooks.map(([event, shown]) => ({ event, shown, action: action(shown), origin: ORIGIN })),
    origin: ORIGIN,
    ...changes,
  };
}

/** A world in which commands end when the test says so, and an elector that does as it is told. */
export class World implements LegionDeps, Elector {
  /** Everything that happened, in order. */
  readonly seen: string[] = [];
  readonly logs: string[] = [];
  readonly environments: Record<string, string>[] = [];
  readonly #running: { command: string; end: (error?: Error) => void }[] = [];
  daemonsDown = true;
  automatic = true;
  /** The process slept: what the elector has not said yet, its clock knows. */
  hasLapsed = false;
  events: ElectorEvents | null = null;
  readonly legion: Legion;

  constructor(legion: LegionPlan) {
    this.legion = new Legion(legion, this, this);
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }
  /** Ends the command that runs; there must be exactly one. */
  async end(error?: Error): Promise<void> {
    expect(this.#running).toHaveLength(1);
    this.#running.shift()?.end(error);
    await this.settle();
  }
  get running(): string[] {
    return this.#running.map(({ command }) => command);
  }
  take(): string[] {
    return this.seen.splice(0);
  }

  runCommand(command: string, variables: readonly Variable[], signal: AbortSignal): Promise<void> {
    this.seen.push(`run ${command}`);
    this.environments.push(Object.fromEntries(variables.map(({ name, value }) => [name, value])));
    if (this.automatic) return command === "false" ? Promise.reject(new Error("code 1")) : Promise.resolve();
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.#running.push({ command, end: (error) => error === undefined ? resolve() : reject(error) });
    });
  }
  signalDaemon(daemon: string, signal: number): void {
    this.seen.push(`signal ${daemon} ${signal}`);
  }
  log(_level: string, text: string): void {
    this.logs.push(text);
  }
  lordChanged(isLord: boolean): void {
    this.seen.push(isLord ? "daemons up" : "daemons down");
    this.daemonsDown = false;
  }
  areDaemonsDown(): boolean {
    return this.daemonsDown;
  }
  wall(): number {
    return 1_800_000_000;
  }
  start(events: ElectorEvents): Promise<void> {
    this.events = events;
    return Promise.resolve();
  }
  confirm(): void {
    this.seen.push("confirm");
  }
  decline(seconds: number): void {
    this.seen.push(`decline ${seconds}`);
  }
  vacated(): void {
    this.seen.push("vacated");
  }
  leave(): void {
    this.seen.push("leave");
  }
  close(): Promise<void> {
    this.seen.push("close");
    return Promise.resolve();
  }
  state(): ElectorState {
    return STATE;
  }
  stands(): boolean {
    return !this.hasLapsed;
  }
}

export const TERM: Term = { number: 1_800_000_000, token: null };

export async function started(
  hooks: readonly [LegionEvent, string][],
  changes: Partial<LegionPlan> = {},
): Promise<World> {
  const world = new World(plan(hooks, changes));
  await world.legion.start();
  await world.settle();
  return world;
}
