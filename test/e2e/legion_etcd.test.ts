/**
 * Legions over etcd end to end: one lord whatever goes wrong, what its daemons see, what a stop, a reload and
 * a kill leave.
 */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { type Life, overlapOf, readLives } from "../fixtures/lives.ts";
import { EtcdServers, makeCertificates } from "../legion/etcd/servers.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { Chaos } from "./legion_chaos.ts";
import { check, type Need, pidNamespace, program, reeve, root } from "./need.ts";
import {
  descendants,
  environment,
  identify,
  isAlive,
  pidIn,
  type ProcessId,
  signal,
  status,
} from "./process.ts";
import { until } from "./wait.ts";

const ETCD: readonly Need[] = [
  reeve,
  root,
  pidNamespace,
  program("etcd", "etcd-server"),
  program("etcdctl", "etcd-client"),
];

for (const members of [1, 3]) {
  check(
    `two daemons never run at once: trouble with ${members} server${
      members === 1 ? "" : "s"
    } of etcd and three nodes`,
    [...ETCD, program("ip", "iproute2")],
    async (scope) => {
      await using chaos = new Chaos(scope, { members, nodes: 3, seed: 11 * members });
      await chaos.takeOver();
      await chaos.round();
      expect(chaos.overlap).toBe(0);
      expect(chaos.lives.length).toBeGreaterThan(1);
    },
    90,
  );
}

async function etcd(): Promise<EtcdServers> {
  const servers = new EtcdServers(1);
  await servers.ready();
  return servers;
}

function node(
  scope: Scope,
  urls: readonly string[],
  name: string,
  lines: readonly string[],
  valor = 1,
  keys = "ttl=2",
  environment: Readonly<Record<string, string>> = {},
): Supervisor {
  const config = scope.write(
    `${name}.ini`,
    [
      "[uwsgi]",
      `run-dir = ${scope.path(`run-${name}`)}`,
      `legion-etcd = test ${urls.join(",")} ${valor} ${keys}`,
      ...lines,
      "",
    ].join("\n"),
  );
  return scope.reeve(config, { environment });
}

const lives = (scope: Scope): Life[] => readLives(scope.directoryFor("lives"));

function keepTime(scope: Scope, name: string, more = ""): string {
  return `${fixture("keep_time")} ${scope.directoryFor("lives")} ${name} ${more}`;
}

/** Waits until the daemon of this name writes down that it runs, and no earlier one is meant. */
async function untilRuns(scope: Scope, name: string, since = 0): Promise<Life> {
  return await until(
    `the daemon of ${name} runs`,
    () => lives(scope).find((life) => life.name === name && life.first > since),
    {
      explain: () => scope.explain(),
    },
  );
}

function guardOf(supervisor: Supervisor): ProcessId {
  const found = descendants(supervisor.id.pid).find((one) =>
    one.name === "reeve-guard" && one.parent === supervisor.id.pid
  );
  if (found === undefined) throw new Error(`no guard\n${supervisor.log()}`);
  return found;
}

check(
  "an orderly stop hands over at once; the daemons know their legion, and tokens grow",
  ETCD,
  async (scope) => {
    await using servers = await etcd();
    const seen = (name: string): string =>
      `sh -c "env > ${scope.path(`env.${name}`)}; exec ${keepTime(scope, name)}"`;
    const lines = [`legion-attach-daemon = test ${seen("first")}`];
    // Its lease would last for a minute: whoever runs before that was handed the lordship.
    const first = node(scope, servers.urls, "first", lines, 7, "ttl=60");
    await untilRuns(scope, "first");
    node(scope, servers.urls, "second", [`legion-attach-daemon = test ${seen("second")}`]);
    await until(
      "the second stands",
      () =>
        servers.ctl("get", "--prefix", "--keys-only", "/reeve/test/candidates/").output.trim().split(/\s+/)
          .length === 2,
    );
    expect((await first.stop()).code).toBe(0);
    await untilRuns(scope, "second");
    const [before, after] = lives(scope);
    expect(overlapOf(lives(scope))).toBe(0);
    expect(after!.first - before!.last).toBeLessThan(60_000);
    const variables = (name: string): string[] =>
      /^REEVE_LEGION.*$/mg[Symbol.match](scope.read(`env.${name}`))?.toSorted() ?? [];
    expect(
      variables("first").map((line) => line.split("=")[0]!),
    ).toEqual([
      "REEVE_LEGION",
      "REEVE_LEGION_TERM",
      "REEVE_LEGION_TOKEN",
      "REEVE_LEGION_UUID",
      "REEVE_LEGION_VALOR",
    ]);
    expect(variables("first")).toContain("REEVE_LEGION_VALOR=7");
    const token = (name: string): number => Number(/TOKEN=(\d+)/.exec(scope.read(`env.${name}`))![1]);
    expect(token("second")).toBeGreaterThan(token("first"));
  },
);

check(
  "reeve is killed: nothing of the legion's runs on, smart ones and what they left neither, and the next reeve waits for the lease",
  ETCD,
  async (scope) => {
    await using servers = await etcd();
    const pidfile = scope.path("smart.pid");
    const lines = [
      `legion-attach-daemon = test sh -c "setsid ${keepTime(scope, "orphan", "ignore")} & exec sleep 1000"`,
      `legion-smart-attach-daemon = test ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`,
    ];
    const first = node(scope, servers.urls, "first", lines);
    await untilRuns(scope, "orphan");
    await until(
      "the smart daemon runs",
      () => /daemonize_with_pidfile\S* .*\n?.*/.test(scope.tree()) && existsSync(pidfile),
    );
    const all = descendants(first.id.pid);
    expect(all.length).toBeGreaterThan(3);
    await first.kill();
    await until("all of it is gone", () => all.every((one) => !isAlive(one)), {
      explain: () => scope.tree(),
    });
    const killed = lives(scope)[0]!.last;
    const second = node(scope, servers.urls, "first", lines);
    const again = await untilRuns(scope, "orphan", killed);
    expect(overlapOf(lives(scope))).toBe(0);
    expect(again.first).toBeGreaterThan(killed);
    expect(second.log()).not.toContain("fault of reeve");
  },
);

check(
  "a smart daemon: its pidfile holds the namespace's pid, which is not taken for a process of the host",
  ETCD,
  async (scope) => {
    await using servers = await etcd();
    const pidfile = scope.path("smart.pid");
    // What an earlier lordship left: by now the number is a bystander's.
    const bystander = Bun.spawn([fixture("record_signals"), scope.path("heard")], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    scope.track(identify(bystander.pid));
    await scope.untilFile("heard", /\n/);
    scope.write("smart.pid", `${bystander.pid}\n`);
    const reeve = node(scope, servers.urls, "node", [
      `legion-smart-attach-daemon = test ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`,
      `legion-smart-attach-daemon2 = test ${scope.path("smart2.pid")} ${fixture("hang")} ${
        scope.path("hang")
      }`,
    ]);
    await reeve.untilLog(/daemonize_with_pidfile: .*running.*pid: (\d+)/);
    const own = descendants(guardOf(reeve).pid).find((one) => one.name.startsWith("daemonize"))!;
    expect(pidIn(pidfile)).toBe(Number(status(own.pid).get("NSpid")!.split("\t").at(-1)));
    const hang = await scope.untilOne(/fixtures\S*\/hang /);
    await until(
      "smart2's pidfile is written",
      () => pidIn(scope.path("smart2.pid")) === Number(status(hang.pid).get("NSpid")!.split("\t").at(-1)),
    );
    signal(own, "SIGKILL"); // its end is seen, and it comes again
    await reeve.untilLog(/respawning .*daemonize_with_pidfile/);
    expect((await reeve.stop()).code).toBe(0);
    expect(scope.read("heard")).not.toContain("signal");
  },
);

check("a reload ends the lordship and its daemons, and the next image stands again", ETCD, async (scope) => {
  await using servers = await etcd();
  const reeve = node(scope, servers.urls, "node", [`legion-attach-daemon = test ${keepTime(scope, "node")}`]);
  const first = await untilRuns(scope, "node");
  const guard = guardOf(reeve);
  reeve.signal("SIGHUP");
  await untilRuns(scope, "node", first.first);
  expect(isAlive(guard)).toBe(false);
  expect(overlapOf(lives(scope))).toBe(0);
  expect(lives(scope)).toHaveLength(2);
});

check(
  "what a daemon that crashed left behind in the namespace is ended before the next one starts",
  ETCD,
  async (scope) => {
    await using servers = await etcd();
    const words = `${fixture("leave_child_behind")} 1 ${scope.path("left")}\nexec ${fixture("hang")} ${
      scope.path("hung")
    }\n`;
    const script = scope.write("daemon.sh", words);
    const reeve = node(scope, servers.urls, "node", [`legion-attach-daemon = test /bin/sh ${script}`]);
    const first = await scope.untilOne(/^\S*\/hang /);
    const left = await scope.untilOne(/^\S*\/leave_child_behind/);
    signal(first, "SIGKILL");
    await reeve.untilLog(/respawning/);
    await until("what it left is gone", () => !isAlive(left), { explain: () => scope.explain() });
  },
);

check(
  "etcd is away, or not to be trusted: said in one line, and other daemons do not wait for it",
  ETCD,
  async (scope) => {
    const room = new EtcdServers(0);
    const files = makeCertificates(room.directory);
    await using servers = new EtcdServers(1, {
      tls: { cert: files.cert, key: files.key, ca: files.ca, wantsClient: false },
    });
    try {
      await servers.ready(`--cacert=${files.ca}`);
      const lines = (name: string): string[] => [
        `attach-daemon = ${fixture("hang")} ${scope.path(`other.${name}`)}`,
        `legion-attach-daemon = test ${keepTime(scope, name)}`,
      ];
      const away = node(scope, ["http://127.0.0.1:1"], "away", lines("away"));
      await away.untilLog(
        /warning legion "test": waiting for etcd: http:\/\/127.0.0.1:1: connection refused\n/,
      );
      await scope.untilFile("other.away", /\n/);
      const stranger = node(
        scope,
        servers.urls,
        "stranger",
        lines("stranger"),
        1,
        `ttl=2 ca=${files.strangerCa}`,
      );
      await stranger.untilLog(/warning legion "test": waiting for etcd: https:\S+: its certificate/);
      // A proxy of the environment is meant for daemons.
      const proxy = { http_proxy: "http://127.0.0.1:1", https_proxy: "http://127.0.0.1:1" };
      node(scope, servers.urls, "good", lines("good"), 1, `ttl=2 ca=${files.ca}`, proxy);
      await untilRuns(scope, "good");
      expect(lives(scope).map(({ name }) => name)).toEqual(["good"]);
      expect((await away.stop()).code).toBe(0);
      expect((await stranger.stop()).code).toBe(0);
      expect(away.log().match(/waiting for etcd/g)).toHaveLength(1);
    } finally {
      await room[Symbol.asyncDispose]();
    }
  },
);

check("without root it stands, says why it cannot be lord, and starts nothing", [
  ...ETCD,
  program("setpriv", "util-linux"),
], async (scope) => {
  await using servers = await etcd();
  const config = scope.config([
    `legion-etcd = test ${servers.urls[0]} 1 ttl=2`,
    `legion-attach-daemon = test ${keepTime(scope, "node")}`,
  ]);
  scope.directoryFor("run", 0o777);
  const reeve = scope.reeve(config, {
    wrap: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
  });
  await reeve.untilLog(
    /error legion "test": cannot be lord: cannot make a PID namespace for the guard: operation not permitted; it needs root/,
  );
  expect(lives(scope)).toEqual([]);
  expect((await reeve.stop()).code).toBe(0);
});

check(
  "in a jail: the guard's namespace lies within the jail's, and the promise holds",
  [...ETCD, busybox],
  async (scope) => {
    await using servers = await etcd();
    const directory = busyboxRoot(scope, "root", ["keep_time"]);
    scope.directoryFor("root/tmp", 0o1777);
    const reeve = node(scope, servers.urls, "node", [
      `namespace = ${directory}:jailed`,
      "legion-attach-daemon = test /bin/keep_time /tmp node ignore",
      "reload-mercy = 1",
    ]);
    const inside = (): Life[] => readLives(scope.path("root/tmp"));
    await until("the daemon runs", () => inside().length > 0, { explain: () => scope.explain() });
    const daemon = await scope.untilOne(/^\/bin\/keep_time/);
    expect(status(daemon.pid).get("NSpid")!.split("\t")).toHaveLength(3);
    expect(environment(daemon.pid)["REEVE_LEGION"]).toBe("test");
    reeve.freeze();
    await until("it is dead although the core is stopped", () => !isAlive(daemon));
    reeve.thaw();
    await until("it runs again", () => inside().length === 2);
    expect(overlapOf(inside())).toBe(0);
    expect((await reeve.stop()).code).toBe(0);
  },
);
