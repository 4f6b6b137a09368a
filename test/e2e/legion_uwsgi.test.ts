/**
 * Legions of reeve and uWSGI together, on machines of their own: they must elect the same lord, whoever dies,
 * is cut off or comes back. The scenes run at the same time, since what takes their time is uWSGI's whole
 * seconds.
 */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { Scope } from "./harness.ts";
import { type Kind, legacyOpenssl, LegionLab, type LegionNode, type LegionOptions } from "./legion_lab.ts";
import { check, type Need, program, reeve, root } from "./need.ts";

const NEEDS: readonly Need[] = [
  reeve,
  root,
  program("uwsgi", "uwsgi-core"),
  program("ip", "iproute2"),
  program("nsenter", "util-linux"),
];
const LEGACY: Need = {
  missing: () =>
    ["x86_64", "aarch64"].some((machine) =>
        existsSync(`/usr/lib/${machine}-linux-gnu/ossl-modules/legacy.so`)
      )
      ? null
      : "needs OpenSSL's legacy provider; apt-get install openssl-provider-legacy, or libssl3",
};
const OPTIONS: LegionOptions = { quorum: 2, freq: 1, tolerance: 4, cipher: "aes-256-cbc" };
const TOLERANCE_MS = 4000;

type Scene = (scope: Scope) => Promise<void>;

/** All begin when the first is asked for. */
const scenes = new Map<string, Scene>();
let outcomes: Map<string, Promise<unknown>> | null = null;

function scene(name: string, needs: readonly Need[], body: Scene): void {
  scenes.set(name, body);
  check(name, needs, async () => {
    outcomes ??= new Map(
      [...scenes].map(([each, play]) => [each, perform(play).catch((error: unknown) => error)]),
    );
    const outcome = await outcomes.get(name);
    if (outcome instanceof Error) throw outcome;
  }, 90);
}

async function perform(play: Scene): Promise<void> {
  await using scope = new Scope();
  try {
    await play(scope);
  } catch (error) {
    if (error instanceof Error) error.message += `\n${scope.read("beats")}${scope.explain()}`;
    throw error;
  }
}

function startAll(lab: LegionLab, kinds: readonly Kind[]): void {
  lab.nodes.forEach((node, index) => node.start(kinds[index]!));
}

scene(
  "of uWSGI and reeve the higher valor is lord, by reeve's votes or uWSGI's; cut off it ceases, healed it is lord again",
  NEEDS,
  async (scope) => {
    const lab = await LegionLab.make(scope, [30, 20, 0], OPTIONS);
    const [first, second, arbiter] = lab.nodes as [
      typeof lab.nodes[0],
      typeof lab.nodes[0],
      typeof lab.nodes[0],
    ];
    startAll(lab, ["reeve", "uwsgi", "reeve"]);
    await lab.untilRuns("n1");
    await second.supervisor.untilLog(/WE HAVE QUORUM FOR LEGION my !!! \(valor: 30 .* votes: 3\)/);
    await arbiter.supervisor.untilLog(/WE HAVE QUORUM FOR LEGION my !!! \(valor: 30 .* votes: 3\)/);

    lab.cable(first, "down");
    const cut = Date.now();
    await first.supervisor.untilLog(/i cannot be The Lord of The Legion my without a quorum/);
    const taken = await lab.untilRuns("n2");
    expect(taken - cut).toBeGreaterThan(TOLERANCE_MS / 2);
    // The side with the quorum waited for longer than the other could be lord without it.
    expect(lab.overlap()).toBe(0);

    lab.cable(first, "up");
    await lab.untilRuns("n1");
    await second.supervisor.untilLog(/a new Lord \(valor: 30 uuid: .*\) raised for Legion my/);
    await second.supervisor.untilLog(/scroll of n1/);

    const from = second.supervisor.log().length;
    await first.supervisor.stop();
    await second.supervisor.untilLog(/node: n1 valor: 30 uuid: \S+ announced its death to Legion my/, {
      from,
    });
    await lab.untilRuns("n2");
    expect(second.logged(/untolerable|invalid/)).toEqual([]);
  },
);

scene(
  "a lord of uWSGI that is killed is followed by reeve, which gives way to it when it comes back",
  NEEDS,
  async (scope) => {
    const lab = await LegionLab.make(scope, [30, 20, 0], OPTIONS);
    const [first, second] = lab.nodes as [LegionNode, LegionNode];
    startAll(lab, ["uwsgi", "reeve", "uwsgi"]);
    await lab.untilRuns("n1");
    await second.supervisor.untilLog(/WE HAVE QUORUM FOR LEGION my !!! \(valor: 30 .* votes: 3\)/);

    const killed = await first.kill();
    const taken = await lab.untilRuns("n2");
    expect(taken - killed).toBeGreaterThan(TOLERANCE_MS / 2);
    await second.supervisor.untilLog(/node: n1 valor: 30 uuid: \S+ left Legion my/);

    first.start("uwsgi");
    await lab.untilRuns("n1", 25);
    await second.supervisor.untilLog(/a new Lord \(valor: 30 uuid: .*\) raised for Legion my/);
    await second.supervisor.untilLog(/scroll of n1/);

    await first.supervisor.stop();
    await lab.untilRuns("n2");
  },
);

scene(
  "of nodes of reeve the next lord's daemon starts when the one before has ended: at a stop, and when a better node comes",
  [reeve, root, program("ip", "iproute2"), program("nsenter", "util-linux")],
  async (scope) => {
    const lab = await LegionLab.make(scope, [30, 20, 10], {
      ...OPTIONS,
      freq: 0.1,
      tolerance: 1,
      stopSeconds: 0.4,
    });
    startAll(lab, ["reeve", "reeve", "reeve"]);
    const [first] = lab.nodes as [LegionNode];
    await lab.untilRuns("n1");
    // At the start the others may have been lord before it was there.
    const before = lab.beats().length - 1;
    await first.supervisor.stop();
    await lab.untilRuns("n2");
    first.start("reeve");
    await lab.untilRuns("n1");
    await first.kill();
    await lab.untilRuns("n2");
    expect(lab.overlap()).toBe(0);
    expect(lab.beats().slice(before).map(({ node, event }) => `${node} ${event}`)).toEqual([
      ...["n1 up", "n1 down", "n2 up", "n2 down", "n1 up", "n1 down", "n2 up"],
    ]);
  },
);

scene("two of reeve and one of uWSGI over bf-cbc, as the documentation of uWSGI has it, elect one lord", [
  ...NEEDS,
  LEGACY,
], async (scope) => {
  const lab = await LegionLab.make(scope, [10, 20, 30], {
    ...OPTIONS,
    cipher: "bf-cbc",
    environment: legacyOpenssl(scope),
  });
  startAll(lab, ["reeve", "uwsgi", "reeve"]);
  await lab.untilRuns("n3");
  for (const { supervisor } of lab.nodes) {
    await supervisor.untilLog(/WE HAVE QUORUM FOR LEGION my !!! \(valor: 30 .* votes: 3\)/);
  }
  await lab.node("n3").kill();
  await lab.untilRuns("n2");
  expect(lab.node("n1").logged(/secret|malformed/)).toEqual([]);
});
