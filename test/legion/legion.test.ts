import { describe, expect, test } from "bun:test";
import type { LegionAction, LegionEvent, LegionPlan } from "../../lib/config/plan/legion_plan.ts";
import type { Elector, ElectorEvents, ElectorState, Term } from "../../lib/legion/election/elector.ts";
import { Legion, type LegionWorld } from "../../lib/legion/legion.ts";
import type { Variable } from "../../lib/legion/environment.ts";

const ORIGIN = { file: "x.ini", line: 1 };
const SELF = { uuid: "u".repeat(36), name: "node1", valor: 7 };
const OTHER = { uuid: "v".repeat(36), name: "node2", valor: 5 };
const STATE: ElectorState = {
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

function plan(hooks: readonly [LegionEvent, string][], changes: Partial<LegionPlan> = {}): LegionPlan {
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
class World implements LegionWorld, Elector {
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

const TERM: Term = { number: 1_800_000_000, token: null };

async function started(
  hooks: readonly [LegionEvent, string][],
  changes: Partial<LegionPlan> = {},
): Promise<World> {
  const world = new World(plan(hooks, changes));
  await world.legion.start();
  await world.settle();
  return world;
}

describe("a node that is chosen", () => {
  test("runs the lord hooks in order, confirms, and then lets its daemons run", async () => {
    const world = await started([["lord", "cmd:a"], ["unlord", "cmd:x"], ["lord", "log:hi"], [
      "lord",
      "signal:web",
    ], ["lord", "exec:b"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run a", "signal web 10", "run b", "confirm", "daemons up"]);
    expect(world.logs).toContain("(phase: lord legion: blue) hi");
    expect(world.legion.isLord).toBe(true);
  });

  test("runs no daemon while a lord hook runs", async () => {
    const world = await started([["lord", "cmd:slow"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    expect(world.legion.isLord).toBe(false);
    await world.end();
    expect(world.take()).toEqual(["confirm", "daemons up"]);
  });

  test("and deposed while a lord hook runs never lets them run, and undoes what the hooks did", async () => {
    const world = await started([["lord", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    await world.end();
    expect(world.take()).toEqual(["run undo"]);
    await world.end();
    expect(world.take()).toEqual(["vacated"]);
  });

  test("and slept for too long is not the lord any more, though nobody has said so yet", async () => {
    const world = await started([["unlord", "cmd:undo"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.legion.lordship).not.toBeNull();
    world.take();
    world.hasLapsed = true;
    expect(world.legion.isLord).toBe(false);
    expect(world.legion.lordship).toBeNull();
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.take()).toEqual(["daemons down", "run undo"]);
  });

  test("and slept while a lord hook ran lets no daemon run when that is done", async () => {
    const world = await started([["lord", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    world.hasLapsed = true;
    await world.end();
    expect(world.take()).toEqual(["run slow"]);
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.running).toEqual(["undo"]);
  });

  test("and deposed before its hooks began runs none of them", async () => {
    const world = await started([["join", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:never"]]);
    world.automatic = false;
    world.legion.joined();
    world.legion.chosen(TERM);
    world.legion.deposed("quorum");
    await world.settle();
    await world.end();
    expect(world.take()).toEqual(["run slow", "vacated"]);
  });

  test("stays lord when a lord hook fails, unless the configuration says otherwise", async () => {
    const world = await started([["lord", "cmd:false"], ["lord", "cmd:b"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run false", "run b", "confirm", "daemons up"]);
    expect(world.logs).toContain('lord hook "cmd:false" of legion "blue" failed: code 1');

    const strict = await started([["lord", "cmd:false"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]], {
      deathOnLordError: 9,
    });
    strict.legion.chosen(TERM);
    await strict.settle();
    expect(strict.take()).toEqual(["run false", "decline 9"]);
    strict.legion.deposed("a lord hook failed");
    await strict.settle();
    expect(strict.take()).toEqual(["run undo", "vacated"]);
  });

  test("tells hooks and daemons who they run for", async () => {
    const world = await started([["lord", "cmd:a"], ["unlord", "cmd:b"], ["node-joined", "cmd:c"]]);
    world.legion.chosen({ number: 17, token: "99" });
    await world.settle();
    const common = { REEVE_LEGION: "blue", REEVE_LEGION_VALOR: "7", REEVE_LEGION_UUID: SELF.uuid };
    const term = { REEVE_LEGION_TERM: "17", REEVE_LEGION_TOKEN: "99" };
    expect(Object.fromEntries(world.legion.variables.map(({ name, value }) => [name, value]))).toEqual({
      ...common,
      ...term,
    });
    world.legion.deposed("x");
    world.legion.nodeJoined(OTHER);
    await world.settle();
    expect(world.environments).toContainEqual({ ...common, ...term, REEVE_LEGION_EVENT: "lord" });
    expect(world.environments).toContainEqual({ ...common, ...term, REEVE_LEGION_EVENT: "unlord" });
    expect(world.environments).toContainEqual({
      ...common,
      REEVE_LEGION_EVENT: "node-joined",
      REEVE_LEGION_NODE: "node2",
      REEVE_LEGION_NODE_VALOR: "5",
      REEVE_LEGION_NODE_UUID: OTHER.uuid,
    });
  });
});

describe("a lord that is deposed", () => {
  test("stops its daemons at once, and is rid of the lordship when they and the hooks are done", async () => {
    const world = await started([["unlord", "cmd:slow"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.automatic = false;
    world.legion.deposed("quorum");
    expect(world.take()).toEqual(["daemons down"]);
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    await world.end();
    expect(world.take()).toEqual([]);
    world.legion.daemonDown();
    expect(world.take()).toEqual([]);
    world.daemonsDown = true;
    world.legion.daemonDown();
    expect(world.take()).toEqual(["vacated"]);
    world.legion.daemonDown();
    expect(world.take()).toEqual([]);
  });

  test("and chosen again waits for its unlord hooks", async () => {
    const world = await started([["unlord", "cmd:slow"], ["lord", "cmd:a"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.automatic = false;
    world.legion.deposed("quorum");
    await world.settle();
    world.legion.chosen({ number: 2, token: null });
    await world.settle();
    world.take();
    await world.end();
    expect(world.take()).toEqual(["run a"]);
    await world.end();
    expect(world.take()).toEqual(["confirm", "daemons up"]);
  });
});

describe("at the end", () => {
  test("death is announced first, and the death hooks run when the daemons are down, unlord's do not", async () => {
    const world = await started([["unlord", "cmd:u"], ["death", "cmd:d"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.legion.leave();
    world.legion.deposed("reeve ends");
    await world.settle();
    expect(world.take()).toEqual(["leave", "daemons down"]);
    world.daemonsDown = true;
    world.legion.daemonDown();
    await world.legion.close(true);
    expect(world.take()).toEqual(["run d", "vacated", "close"]);
  });

  test("a reload gives back what the lord hooks took, and runs no death hooks", async () => {
    const world = await started([["lord", "cmd:l"], ["unlord", "cmd:u"], ["death", "cmd:d"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.legion.leave();
    world.legion.deposed("reeve reloads");
    await world.legion.close(false);
    expect(world.take()).toEqual(["leave", "daemons down", "run u", "vacated", "close"]);
  });

  test("a lordship that is won too late is not taken", async () => {
    const world = await started([["lord", "cmd:l"]]);
    world.legion.leave();
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["leave"]);
  });

  test("hooks that hang are called off", async () => {
    const world = await started([["death", "cmd:hangs"]]);
    world.automatic = false;
    world.legion.leave();
    const closed = world.legion.close(true);
    await world.settle();
    expect(world.running).toEqual(["hangs"]);
    world.legion.callOffHooks();
    await closed;
    expect(world.take()).toEqual(["leave", "run hangs", "vacated", "close"]);
  });
});

describe("hooks", () => {
  test("that hang are killed after their time", async () => {
    const world = await started([["lord", "cmd:hangs"]], { hookTimeout: 0.01 });
    world.automatic = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    world.confirm = resolve;
    world.legion.chosen(TERM);
    await promise;
    expect(world.logs).toContain(
      'lord hook "cmd:hangs" of legion "blue" failed: it took longer than 0.01 s and was killed',
    );
  });

  test("about other nodes hold up no lordship", async () => {
    const world = await started([["node-left", "cmd:mail"], ["lord", "cmd:a"]]);
    world.automatic = false;
    world.legion.nodeLeft(OTHER, false);
    await world.settle();
    expect(world.take()).toEqual(["run mail"]);
    world.automatic = true;
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run a", "confirm", "daemons up"]);
  });

  test("about other nodes are left out when thousands come and go, and that is said", async () => {
    const world = await started([["node-joined", "cmd:mail"]]);
    world.automatic = false;
    for (let count = 0; count < 10_000; count++) world.legion.nodeJoined(OTHER);
    await world.settle();
    world.automatic = true;
    await world.end();
    await Bun.sleep(0);
    await world.settle();
    expect(world.take()).toHaveLength(64);
    expect(world.logs).toContain(
      '9936 hooks of legion "blue" were left out: nodes come and go faster than they run',
    );
  });

  test("of setup come before those of a lordship, and a node that said it dies has none", async () => {
    const world = new World(plan([["setup", "cmd:s"], ["lord", "cmd:l"], ["node-left", "cmd:never"]]));
    world.automatic = false;
    await world.legion.start();
    world.legion.chosen(TERM);
    world.legion.nodeLeft(OTHER, true);
    await world.settle();
    expect(world.running).toEqual(["s"]);
    await world.end();
    expect(world.running).toEqual(["l"]);
  });
});
