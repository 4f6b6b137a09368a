/**
 * Legions of reeve end to end: the documented celery beat on three machines, and what one node does by
 * itself.
 */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort, type Scope, type Supervisor } from "./harness.ts";
import { LegionCluster } from "./legion_cluster.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { check, type Need, pidNamespace, program, REEVE, reeve, root } from "./need.ts";
import { allProcesses, commandLine, isAlive, link, pidIn } from "./process.ts";
import { until } from "./wait.ts";

const MACHINES: readonly Need[] = [
  reeve,
  root,
  program("ip", "iproute2"),
  program("unshare", "util-linux"),
];

/** As the documents have it. */
const CELERY_BEAT = `[uwsgi]
master = true
socket = :3031
legion-mcast = mylegion 225.1.1.1:9191 90 bf-cbc:mysecret
legion-smart-attach-daemon = mylegion /tmp/celery-beat.pid celery beat --pidfile=/tmp/celery-beat.pid
`;
const FAST = ["--legion-freq=0.1", "--legion-tolerance=0.8"];

check(
  "the documented celery beat runs once on three machines, whatever happens to the one it runs on",
  MACHINES,
  async (scope) => {
    const cluster = new LegionCluster(scope, ["one", "two", "three"], { routed: true });
    scope.write("beat.ini", CELERY_BEAT);
    for (const machine of cluster.machines) {
      machine.start("beat.ini", [
        ...FAST,
        `--stats=/mnt/stats.${machine.name}`,
      ]);
    }
    // Until all three know of each other, one that is first may be lord by itself for a moment.
    await until("all three vote together", async () => {
      for (const { name } of cluster.machines) {
        if (!existsSync(scope.path(`stats.${name}`))) return false;
        const [state] = await legionsOf(scope, name);
        if (state?.["votes"] !== 3) return false;
      }
      return true;
    }, { seconds: 15 });
    const first = (await cluster.untilOne()).machine;

    // What the daemon and people are told.
    const [legion] = await legionsOf(scope, first.name);
    expect(legion).toMatchObject({ legion: "mylegion", valor: 90, lord_uuid: legion?.["uuid"], votes: 3 });
    expect(scope.read(`environment.${first.name}`).split("\n")).toEqual([
      "REEVE_LEGION=mylegion",
      `REEVE_LEGION_TERM=${legion?.["i_am_the_lord"]}`,
      `REEVE_LEGION_UUID=${legion?.["uuid"]}`,
      "REEVE_LEGION_VALOR=90",
      "",
    ]);
    await first.signal("SIGUSR1");
    await first.supervisor.untilLog(/legion "mylegion": i am the Lord .*votes=3 .*members=2/);

    // Its machine loses power.
    await first.powerOff();
    const second = (await cluster.untilOne([first])).machine;

    // It is stopped in order: nobody else's beat before its own is gone.
    cluster.stopTakes(0.3);
    await second.signal("SIGTERM");
    await second.untilStopped();
    const third = await cluster.untilOne([first, second]);
    expect(third.since).toBeGreaterThanOrEqual(lastDown(cluster, second.name));

    // Another comes back, and the lord reloads: it is lord again, or the other is, and never both.
    second.start("beat.ini", [...FAST, `--stats=/mnt/stats.${second.name}`]);
    await third.machine.supervisor.untilLog(/node: two valor|node: one valor|node: three valor/);
    await until("both know each other", async () => {
      const [state] = await legionsOf(scope, third.machine.name);
      return (state?.["members"] as unknown[]).length === 1;
    });
    const before = cluster.beats().length;
    await third.machine.signal("SIGHUP");
    await third.machine.supervisor.untilLog(/reeve is back/);
    await until(
      "one beat runs again",
      () => cluster.beats().length > before && cluster.running().length === 1,
    );
    expect(overlaps(cluster)).toEqual([]);
  },
  60,
);

check(
  "a legion whose group has no route says so, takes no part, and does once there is one",
  MACHINES,
  async (scope) => {
    const cluster = new LegionCluster(scope, ["one"], { routed: false });
    scope.write("beat.ini", `${CELERY_BEAT}attach-daemon = sleep 1000\n`);
    const [machine] = cluster.machines;
    if (machine === undefined) return;
    machine.start("beat.ini", FAST);
    await machine.supervisor.untilLog(
      /error legion "mylegion": cannot join multicast group 225.1.1.1: no such device; add a route to it/,
    );
    await scope.untilOne(/^sleep 1000$/);
    expect(machine.supervisor.log()).not.toContain("attempting to become the Lord");
    cluster.route(machine.namespace);
    await cluster.untilOne();
    expect(machine.supervisor.log()).toContain("joined multicast group 225.1.1.1:9191");
  },
  40,
);

interface Pair {
  readonly a: number;
  readonly b: number;
}

/** A node of two on the loopback. */
function node(
  scope: Scope,
  name: string,
  own: number,
  peer: number,
  valor: number,
  lines: readonly string[],
): Supervisor {
  return scope.reeve(scope.write(
    `${name}.ini`,
    [
      "[uwsgi]",
      `run-dir = ${scope.path(`run.${name}`)}`,
      "legion-freq = 0.1",
      "legion-tolerance = 0.8",
      `legion = my 127.0.0.1:${own} ${valor} aes-256-cbc:s`,
      `legion-node = my 127.0.0.1:${peer}`,
      ...lines,
      "",
    ].join("\n"),
  ));
}

const ports = (): Pair => ({ a: freePort(), b: freePort() });

check(
  "every hook of a legion runs once for what it stands for, with its words in the environment",
  [reeve],
  async (scope) => {
    const { a, b } = ports();
    const note = scope.write(
      "note",
      `#!/bin/sh\necho "$* $REEVE_LEGION_EVENT $REEVE_LEGION_NODE" >> ${scope.path("notes")}\n`,
      0o755,
    );
    const hooks = ["setup", "join", "lord", "unlord", "node-joined", "node-left", "death"].map((event) =>
      `legion-${event} = my cmd:${note} ${event}`
    );
    const first = node(scope, "a", a, b, 1, [
      ...hooks,
      "legion-scroll = my the first one",
      "legion-lord = my log:i am it",
      "legion-unlord = my signal:told USR1",
      "legion-lord = my cmd:false",
      `attach-daemon2 = name=told,cmd=sh -c 'trap "echo told >> ${
        scope.path("notes")
      }" USR1; while :; do sleep 0.05; done'`,
    ]);
    const wait = (pattern: RegExp) => scope.untilFile("notes", pattern);
    await wait(/^lord lord /m);
    await first.untilLog(/\(phase: lord legion: my\) i am it/);
    await first.untilLog(/lord hook "cmd:false" of legion "my" failed: it exited with code 1/);
    await first.untilLog(/a lord hook of the Legion my failed, i stay its Lord/);
    const second = node(scope, "b", b, a, 2, []);
    await wait(/^node-joined node-joined \S/m);
    await wait(/^unlord unlord /m);
    await wait(/^told$/m);
    await second.kill();
    await wait(/^node-left node-left \S/m);
    await until("it is lord again", () => scope.read("notes").match(/^lord lord/mg)?.length === 2);
    expect((await first.stop()).code).toBe(0);
    await wait(/^death death /m);
    const events = scope.read("notes").split("\n").map((line) => line.split(" ")[0]).filter((one) =>
      one !== ""
    );
    expect(events.slice(0, 3)).toEqual(["setup", "join", "lord"]);
    expect(events.at(-1)).toBe("death");
    expect(events.filter((one) => one === "unlord")).toHaveLength(1);
  },
);

check(
  "a lord hook that takes its time holds back the daemon, and not the election",
  [reeve],
  async (scope) => {
    const { a, b } = ports();
    const go = scope.path("go");
    const first = node(scope, "a", a, b, 2, [
      `legion-lord = my cmd:sh -c 'until test -e ${go}; do sleep 0.02; done'`,
      "legion-attach-daemon = my sleep 1000",
    ]);
    await first.untilLog(/i am now the Lord/);
    const second = node(scope, "b", b, a, 1, ["legion-attach-daemon = my sleep 1001"]);
    await first.untilLog(/valor: 1 .*joined Legion my/);
    await second.untilLog(/WE HAVE QUORUM FOR LEGION my .*votes: 2/);
    expect(scope.matching(/^sleep 100[01]$/)).toEqual([]);
    scope.write("go", "");
    await scope.untilOne(/^sleep 1000$/);
    expect(second.log()).not.toContain("i am now the Lord");
  },
);

check("an address that is taken refuses the start, and nothing was started", [reeve], async (scope) => {
  const { a, b } = ports();
  const first = node(scope, "a", a, b, 1, []);
  await first.untilLog(/reeve is up/);
  const mark = scope.path("started");
  const { code, output } = await node(scope, "b", a, b, 1, [`attach-daemon = touch ${mark}`]).untilExit();
  expect(code).toBe(1);
  expect(output).toContain(
    `error cannot start: cannot take part in legion "my": cannot listen on 127.0.0.1:${a}: address already in use by another program\n`,
  );
  expect(scope.read("started")).toBe("");
  await first.signal("SIGTERM");
});

check(
  "a smart daemon that a killed lord left is stopped by the next reeve, which is not the lord",
  [reeve],
  async (scope) => {
    const { a, b } = ports();
    const pidfile = scope.path("d.pid");
    const daemon = scope.write(
      "d",
      `#!/bin/sh\n(echo $(sh -c 'echo $PPID') > ${pidfile}; exec sleep 1000) &\n`,
      0o755,
    );
    const lines = [`legion-smart-attach-daemon = my ${pidfile} ${daemon}`];
    const first = node(scope, "a", a, b, 1, lines);
    const left = await scope.untilOne(/^sleep 1000$/);
    expect(pidIn(pidfile)).toBe(left.pid);
    await first.kill();
    const other = node(scope, "b", b, a, 2, []);
    await other.untilLog(/i am now the Lord/);
    expect(scope.matching(/^sleep 1000$/)).toHaveLength(1);
    const again = node(scope, "a", a, b, 1, lines);
    await again.untilLog(/found valid\/active pidfile/);
    await until("it is stopped", () => scope.matching(/^sleep 1000$/).length === 0);
    expect(again.log()).not.toContain("i am now the Lord");
  },
);

check(
  "in a jail a legion's hooks and daemons run inside, and what a killed reeve left there is stopped by the next",
  [reeve, root, pidNamespace, busybox],
  async (scope) => {
    const { a, b } = ports();
    const jail = busyboxRoot(scope);
    scope.write(
      "root/bin/d",
      "#!/bin/sh\nenv > /tmp/environment\n(sh -c 'echo $PPID > /run/d.pid'; exec sleep 83001) &\n",
      0o755,
    );
    const lines = [
      `namespace = ${jail}:inside`,
      "legion-setup = my cmd:touch /tmp/setup",
      "legion-lord = my cmd:sh -c 'echo $REEVE_LEGION_EVENT $(hostname) > /tmp/lord'",
      "legion-unlord = my cmd:touch /tmp/unlord",
      "legion-smart-attach-daemon = my /run/d.pid /bin/d",
    ];
    const first = node(scope, "a", a, b, 2, lines);
    const left = await scope.untilOne(/^sleep 83001$/);
    expect(scope.read("root/tmp/lord")).toBe("lord inside\n");
    expect(scope.read("root/tmp/environment")).toContain("REEVE_LEGION=my\n");
    expect(existsSync(join(jail, "tmp/setup"))).toBe(true);
    expect(existsSync("/tmp/lord")).toBe(false);
    expect(link(left.pid, "ns/pid")).not.toBe(link(first.id.pid, "ns/pid"));
    await first.kill();

    const other = node(scope, "b", b, a, 3, []);
    await other.untilLog(/i am now the Lord/);
    expect(isAlive(left)).toBe(true);
    const again = node(scope, "a", a, b, 2, lines);
    await until("it is stopped", () => !isAlive(left));
    expect(again.log()).not.toContain("i am now the Lord");

    // And gives back what it took when it is lord no more.
    await other.signal("SIGTERM");
    // In a jail of an earlier reeve it is no descendant of ours.
    const next = await until(
      "it runs again",
      () => allProcesses().find(({ pid }) => commandLine(pid).join(" ") === "sleep 83001"),
    );
    const back = node(scope, "b", b, a, 3, []);
    await until("the unlord hook has run", () => existsSync(join(jail, "tmp/unlord")));
    expect(isAlive(next)).toBe(false);
    await back.untilLog(/i am now the Lord/);
  },
);

async function legionsOf(scope: Scope, name: string): Promise<Record<string, unknown>[]> {
  const { code, output } = await scope.run([
    REEVE,
    "legion",
    "--json",
    `--stats=${scope.path(`stats.${name}`)}`,
  ]);
  expect([code, output]).toEqual([0, expect.stringContaining("[")]);
  return JSON.parse(output) as Record<string, unknown>[];
}

function lastDown(cluster: LegionCluster, name: string): number {
  return cluster.beats().findLast(({ machine, event }) => machine === name && event === "down")?.at ??
    Infinity;
}

/** Pairs that ran at once; one whose machine lost power says nothing any more, and is not counted. */
function overlaps(cluster: LegionCluster): string[] {
  const found: string[] = [];
  let running: string | null = null;
  const saysItsEnd = new Set(
    cluster.beats().filter(({ event }) => event === "down").map(({ machine }) => machine),
  );
  for (const { machine, event } of cluster.beats()) {
    if (!saysItsEnd.has(machine) && cluster.running()[0] !== machine) continue;
    if (event === "down") running = running === machine ? null : running;
    else if (running !== null) found.push(`${running} and ${machine}`);
    else running = machine;
  }
  return found;
}
