import { expect, test } from "bun:test";
import {
  commandFile,
  daemonChild,
  type Inherited,
  instanceChild,
} from "../../lib/supervisor/child_builder.ts";
import { DUMB_PLAN, INSTANCE_PLAN, SMART2_PLAN, SMART_PLAN } from "./plans.ts";

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
