import { expect, test } from "bun:test";
import { commandFile, daemonChild, type Inherited, instanceChild } from "../../lib/process/child_builder.ts";
import { NO_SETUP } from "../../lib/jail/namespace_setup.ts";
import { JAIL_PLAN, NS_PID } from "../jail/plans.ts";
import { DUMB_PLAN, INSTANCE_PLAN, SMART2_PLAN, SMART_PLAN } from "../support/plans.ts";

const ENVIRONMENT = { list: ["A=1"], path: "/bin" };
const INHERITED: Inherited = {
  umask: 0o027,
  rlimits: [{ resource: 7, soft: 1024n, hard: 4096n }],
  isRoot: true,
  cpuCount: 4,
  terminal: true,
};
const USER = { uid: 33, gid: 34, groups: [34, 101], user: "www-data" };
const OTHER = { uid: 5, gid: 6, groups: [6], user: null };

test("words are executed as they are, a shell line by the shell", () => {
  const words = ["memcached", "-u", "a b"];
  expect(commandFile({ kind: "words", text: "memcached -u 'a b'", words }, "/sbin:/bin")).toEqual({
    args: words,
    file: { path: "memcached", searchPath: "/sbin:/bin" },
  });
  expect(commandFile({ kind: "shell", text: "a | b", shell: "/bin/dash" }, "/bin")).toEqual({
    args: ["/bin/dash", "-c", "a | b"],
    file: { path: "/bin/dash", searchPath: null },
  });
});

test("a command with a slash is not looked up in PATH", () => {
  for (const path of ["./d", "bin/d", "/usr/bin/d"]) {
    expect(commandFile({ kind: "words", text: path, words: [path] }, "/bin").file).toEqual({
      path,
      searchPath: null,
    });
  }
});

test("a daemon has /dev/null, reeve's log, a session of its own, and what reeve was started with", () => {
  expect(daemonChild(DUMB_PLAN, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED)).toEqual({
    args: ["./d"],
    file: { path: "./d", searchPath: null },
    environment: ["A=1"],
    chdir: null,
    uid: null,
    gid: null,
    groups: null,
    umask: 0o027,
    fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2]]),
    session: "new",
    rlimits: [{ resource: 7, soft: 1024n, hard: 4096n }],
    caps: null,
    noNewPrivs: false,
    oomScoreAdj: null,
    nice: null,
    cpus: null,
    parentDeathSignal: 9,
    gated: true,
  });
});

test("only a dumb daemon dies with reeve", () => {
  for (const plan of [SMART_PLAN, SMART2_PLAN]) {
    expect(daemonChild(plan, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED).parentDeathSignal).toBeNull();
  }
});

test("the daemon's own user comes before the instance's", () => {
  const child = (plan = DUMB_PLAN, isRoot = true) =>
    daemonChild(plan, { ...INSTANCE_PLAN, identity: USER }, 0, ENVIRONMENT, { ...INHERITED, isRoot });
  expect(child()).toMatchObject({ uid: 33, gid: 34, groups: [34, 101] });
  expect(child({ ...DUMB_PLAN, identity: OTHER })).toMatchObject({ uid: 5, gid: 6, groups: [6] });
  // Without root the groups cannot be set, and are what they are.
  expect(child(DUMB_PLAN, false).groups).toBeNull();
});

test("the instance's umask, limits, niceness and capabilities hold for every child", () => {
  const instance = { ...INSTANCE_PLAN, umask: 0, limitAs: 1 << 20, limitNproc: 5, nice: -3, caps: [0, 10] };
  expect(instanceChild(instance, null, INHERITED)).toMatchObject({
    umask: 0,
    nice: -3,
    rlimits: [...INHERITED.rlimits, { resource: 9, soft: 1048576n, hard: 1048576n }, {
      resource: 6,
      soft: 5n,
      hard: 5n,
    }],
    caps: { keep: 0b100_0000_0001n, bound: 0b100_0000_0001n },
  });
});

test("no capability at all is not the same as all of them", () => {
  expect(instanceChild({ ...INSTANCE_PLAN, caps: [] }, null, INHERITED).caps).toEqual({
    keep: 0n,
    bound: 0n,
  });
});

test("CPUs are dealt out in turn and begin anew at the end", () => {
  const cpus = (each: number | null, index: number) =>
    daemonChild(DUMB_PLAN, { ...INSTANCE_PLAN, cpuAffinity: each }, index, ENVIRONMENT, INHERITED).cpus;
  expect([0, 1, 2].map((index) => cpus(2, index))).toEqual([[0, 1], [2, 3], [0, 1]]);
  expect(cpus(3, 1)).toEqual([3, 0, 1]);
  expect(cpus(9, 1)).toEqual([1, 2, 3, 0]);
  expect([cpus(null, 1), cpus(0, 1)]).toEqual([null, null]);
});

test("the entrypoint's command has the terminal in the foreground, and only it", () => {
  const entrypoint = { ...DUMB_PLAN, option: "entrypoint", stdin: true } as const;
  expect(daemonChild(entrypoint, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED)).toMatchObject({
    session: "foreground",
    fds: new Map([[0, 0], [1, 1], [2, 2]]),
  });
  const without = { ...INHERITED, terminal: false };
  expect(daemonChild(entrypoint, INSTANCE_PLAN, 0, ENVIRONMENT, without).session).toBe("new");
});

const CONFINEMENT = { ...NO_SETUP, pidNamespace: 9, join: [{ fd: 8, flags: 0x0002_0000 }], readyFd: null };

test("a daemon of a jail: its directory is the jail's, and what is relative is relative to that", () => {
  const chdirOf = (plan: Partial<typeof DUMB_PLAN>, cwd: string | null): string | null =>
    daemonChild({ ...DUMB_PLAN, ...plan }, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED, {
      confinement: CONFINEMENT,
      cwd,
    }).chdir;
  expect(chdirOf({}, "/srv")).toBe("/srv");
  expect(chdirOf({ chdir: "data" }, "/srv")).toBe("/srv/data");
  expect(chdirOf({ chdir: "data" }, "/")).toBe("/data");
  expect(chdirOf({ chdir: "/data" }, "/srv")).toBe("/data");
  // A root of its own is another place.
  const namespaces = { ...NS_PID, root: JAIL_PLAN.root };
  expect(chdirOf({ namespaces }, "/srv")).toBe("/");
  expect(chdirOf({ namespaces, chdir: "data" }, null)).toBe("/data");
  // On the host's root, without a jail: where reeve is.
  expect(chdirOf({ namespaces: NS_PID }, null)).toBeNull();
});

test("without a confinement there is none in the request", () => {
  const plain = daemonChild(DUMB_PLAN, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED);
  expect("confinement" in plain).toBe(false);
  const where = { confinement: CONFINEMENT, cwd: null };
  const jailed = daemonChild(DUMB_PLAN, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED, where);
  expect(jailed.confinement).toBe(CONFINEMENT);
});

test("caps of one daemon bound it and give nothing: never more than the instance leaves, never kept over a change of user", () => {
  const caps = (bound: readonly number[] | null, instance: readonly number[] | null) =>
    daemonChild(
      { ...DUMB_PLAN, capsBound: bound, identity: USER },
      { ...INSTANCE_PLAN, caps: instance },
      0,
      ENVIRONMENT,
      INHERITED,
    ).caps;
  expect(caps(null, null)).toBeNull();
  expect(caps([0, 10], null)).toEqual({ keep: null, bound: 0b100_0000_0001n });
  expect(caps([], null)).toEqual({ keep: null, bound: 0n });
  expect(caps([0, 10], [10, 21])).toEqual({ keep: 1n << 10n, bound: 1n << 10n });
  expect(caps(null, [10])).toEqual({ keep: 1n << 10n, bound: 1n << 10n });
});

test("no_new_privs is the daemon's alone", () => {
  const of = (noNewPrivs: boolean): boolean =>
    daemonChild({ ...DUMB_PLAN, noNewPrivs }, INSTANCE_PLAN, 0, ENVIRONMENT, INHERITED).noNewPrivs;
  expect([of(true), of(false)]).toEqual([true, false]);
});
