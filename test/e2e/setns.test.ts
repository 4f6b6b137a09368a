/**
 * Namespaces over a unix socket: reeve hands them out and joins them, to and from reeve and uWSGI, and nobody
 * but root has a part in it.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import { lstatSync, writeFileSync } from "node:fs";
import type { Scope, Supervisor } from "./harness.ts";
import { busybox, busyboxRoot, hostMounts } from "./jail_root.ts";
import { check, pidNamespace, program, REEVE, reeve, root } from "./need.ts";
import { allProcesses, commandLine, isAlive, link, openFiles, type ProcessState } from "./process.ts";
import { until } from "./wait.ts";

const NEEDS = [reeve, root, pidNamespace];
const uwsgi = program("uwsgi", "uwsgi-core");
const python = program("/usr/bin/python3", "python3");

let mounts = "";
beforeEach(() => {
  mounts = hostMounts();
});
afterEach(() => {
  expect(hostMounts()).toBe(mounts);
});

async function untilRunning(pattern: RegExp): Promise<ProcessState> {
  return await until(`exactly one process like ${pattern}`, () => {
    const found = allProcesses().filter((one) =>
      one.state !== "Z" && pattern.test(commandLine(one.pid).join(" "))
    );
    return found.length === 1 ? found[0] : null;
  });
}

/** A second instance of the scope. */
function instance(scope: Scope, name: string, lines: readonly string[]): string {
  return scope.write(
    `${name}.ini`,
    ["[uwsgi]", `run-dir = ${scope.path(`run-${name}`)}`, ...lines, ""].join("\n"),
  );
}

async function serving(scope: Scope, lines: readonly string[] = []): Promise<Supervisor> {
  const supervisor = scope.reeve(instance(scope, "server", [
    `setns-socket = ${scope.path("ns.sock")}`,
    "attach-daemon = sleep 93001",
    ...lines,
  ]));
  await supervisor.untilLog(/reeve is up/);
  return supervisor;
}

function namespaces(pid: number, kinds: readonly string[]): (string | null)[] {
  return kinds.map((kind) => link(pid, `ns/${kind}`));
}

check("one reeve's daemons live in the jail of another, and leave it alone when they end", [
  ...NEEDS,
  busybox,
], async (scope) => {
  const rootDirectory = busyboxRoot(scope);
  const server = await serving(scope, [`namespace = ${rootDirectory}:box`]);
  expect(lstatSync(scope.path("ns.sock")).mode & 0o777).toBe(0o600);
  const client = scope.reeve(instance(scope, "client", [
    `setns = ${scope.path("ns.sock")}`,
    "namespace-env = clean",
    "attach-daemon = sleep 93002",
    "attach-daemon2 = name=told,cmd=sh -c 'hostname > /tmp/told; ls / > /tmp/root; exec sleep 93003'",
  ]));
  await client.untilLog(/reeve is up/);
  const theirs = await untilRunning(/^sleep 93001$/);
  const ours = await untilRunning(/^sleep 93002$/);
  await untilRunning(/^sleep 93003$/);
  const kinds = ["pid", "mnt", "uts", "ipc", "net", "cgroup"];
  expect(namespaces(ours.pid, kinds)).toEqual(namespaces(theirs.pid, kinds));
  expect(link(ours.pid, "ns/mnt")).not.toBe(link(process.pid, "ns/mnt"));
  expect([...openFiles(ours.pid).keys()]).toEqual([0, 1, 2]);
  expect(scope.read("root/tmp/told")).toBe("box\n");
  expect(scope.read("root/tmp/root")).toBe("bin\ndev\netc\nproc\nrun\ntmp\n");
  expect((await client.stop()).code).toBe(0);
  expect([isAlive(ours), isAlive(theirs)]).toEqual([false, true]);
  expect((await server.stop()).code).toBe(0);
  expect(() => lstatSync(scope.path("ns.sock"))).toThrow();
});

check("the socket is waited for, and a stop calls that off", NEEDS, async (scope) => {
  const lines = [`setns = ${scope.path("ns.sock")}`, "attach-daemon = sleep 93011"];
  const one = scope.reeve(instance(scope, "one", lines));
  const two = scope.reeve(instance(scope, "two", lines));
  await one.untilLog(/cannot join the namespaces that ".*" hands out: nobody serves it: waiting for it/);
  await two.untilLog(/waiting for it/);
  expect((await two.stop()).code).toBe(0);
  const serves = await serving(scope, ["unshare = uts", "hook-in-jail = hostname:handed"]);
  await one.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 93011$/);
  const server = await untilRunning(/^sleep 93001$/);
  expect(link(daemon.pid, "ns/uts")).toBe(link(server.pid, "ns/uts"));
  expect((await one.stop()).code).toBe(0);
  await serves.stop();
});

check("a daemon's setns names a socket; setns-socket-skip leaves namespaces out", NEEDS, async (scope) => {
  const serves = await serving(scope, ["unshare = uts,ipc", "setns-socket-skip = ipc"]);
  const client = scope.reeve(instance(scope, "client", [
    `attach-daemon2 = name=in,cmd=sleep 93021,setns=${scope.path("ns.sock")}`,
    "attach-daemon2 = name=out,cmd=sleep 93022",
  ]));
  await client.untilLog(/reeve is up/);
  const server = await untilRunning(/^sleep 93001$/);
  const inside = await untilRunning(/^sleep 93021$/);
  const outside = await untilRunning(/^sleep 93022$/);
  expect(link(inside.pid, "ns/uts")).toBe(link(server.pid, "ns/uts"));
  expect(link(inside.pid, "ns/ipc")).toBe(link(process.pid, "ns/ipc"));
  expect(link(outside.pid, "ns/uts")).toBe(link(process.pid, "ns/uts"));
  for (const one of [client, serves]) expect((await one.stop()).code).toBe(0);
});

check("uWSGI joins what reeve hands out", [...NEEDS, uwsgi], async (scope) => {
  const serves = await serving(scope, ["unshare = uts,ipc,pid", "hook-in-jail = hostname:of-reeve"]);
  const joined = await scope.run([
    "uwsgi",
    "--master",
    `--setns=${scope.path("ns.sock")}`,
    "--exec-as-root=echo name=`hostname` pid=`readlink /proc/self/ns/pid`. ipc=`readlink /proc/self/ns/ipc`.",
    "--no-server",
  ]);
  const daemon = await untilRunning(/^sleep 93001$/);
  expect(joined.output).toContain(
    `name=of-reeve pid=${link(daemon.pid, "ns/pid")}. ipc=${link(daemon.pid, "ns/ipc")}.`,
  );
  expect((await serves.stop()).code).toBe(0);
});

check("reeve joins what uWSGI hands out", [...NEEDS, uwsgi], async (scope) => {
  const config = scope.write(
    "uwsgi.ini",
    [
      "[uwsgi]",
      "master = true",
      "unshare = uts,ipc",
      "exec-as-root = hostname of-uwsgi",
      `setns-socket = ${scope.path("ns.sock")}`,
      "attach-daemon = sleep 93041",
      "",
    ].join("\n"),
  );
  scope.uwsgi(config);
  const theirs = await untilRunning(/^sleep 93041$/);
  const client = scope.reeve(instance(scope, "client", [
    `setns = ${scope.path("ns.sock")}`,
    "attach-daemon = sleep 93042",
  ]));
  await client.untilLog(/reeve is up/, { seconds: 20 });
  const ours = await untilRunning(/^sleep 93042$/);
  const kinds = ["uts", "ipc", "mnt"];
  expect(namespaces(ours.pid, kinds)).toEqual(namespaces(theirs.pid, kinds));
  expect(link(ours.pid, "ns/uts")).not.toBe(link(process.pid, "ns/uts"));
  expect((await client.stop()).code).toBe(0);
});

check(
  "nobody but root is handed anything, and nobody holds the server up",
  [...NEEDS, python],
  async (scope) => {
    const server = await serving(scope, ["unshare = uts"]);
    Bun.spawnSync(["chmod", "666", scope.path("ns.sock")]);
    const ask = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); " +
      "print(len(socket.recv_fds(s, 100, 64)[1]))";
    const words = ["/usr/bin/python3", "-c", ask, scope.path("ns.sock")];
    const other = await scope.run(["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups", ...words]);
    expect(other.output).toBe("0\n");
    await server.untilLog(/nothing is handed to uid 4321/);
    // A hundred that connect and neither read nor go: the next one is served.
    const crowd =
      "import socket,sys\nl=[]\nfor i in range(100):\n s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); l.append(s)\n" +
      "print(len(socket.recv_fds(l[-1], 100, 64)[1]))";
    const last = await scope.run(["/usr/bin/python3", "-c", crowd, scope.path("ns.sock")]);
    expect(Number(last.output)).toBeGreaterThan(4);
    expect([...openFiles(server.id.pid).values()].filter((name) => /^(uts|net|mnt):/.test(name))).toEqual([]);
    expect((await server.stop()).code).toBe(0);
  },
);

/**
 * A server of the test's own: what it hands out is the descriptors of these files; `words` is the message, of
 * which %d is their count.
 */
function lie(words: string, files: readonly string[]): string {
  return [
    "import socket,sys,os,struct",
    "s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); print('up', flush=True)",
    `fds=[os.open(p, os.O_RDONLY) for p in ${JSON.stringify(files)}]`,
    "while True:",
    "  c,_=s.accept()",
    `  ${words === "" ? "import time; time.sleep(600)" : `socket.send_fds(c, [${words}], fds)`}`,
    "  c.close()",
  ].join("\n");
}

const NAMESPACES = ["/proc/self/ns/uts"];
const LIES: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  ["another protocol", 'b"uwsgi-zerg" + struct.pack("i", 1)', NAMESPACES, /does not hand out namespaces/],
  [
    "a count that is not true",
    'b"uwsgi-setns" + struct.pack("i", 9)',
    NAMESPACES,
    /announced 9 namespaces and handed out 1/,
  ],
  [
    "files that are no namespaces",
    'b"uwsgi-setns" + struct.pack("i", 1)',
    ["/etc/passwd"],
    /none of what its server handed out is a namespace/,
  ],
  ["too much", 'b"uwsgi-setns" + b"x" * 400', NAMESPACES, /does not hand out namespaces/],
];
for (const [name, words, files, message] of LIES) {
  check(`a server that hands out ${name} is not believed`, [...NEEDS, python], async (scope) => {
    const server = scope.start(["/usr/bin/python3", "-c", lie(words, files), scope.path("ns.sock")]);
    await server.untilLog(/up/);
    const { code, output } = await scope.run(
      [...reeveWords(scope)],
    );
    expect(code).toBe(1);
    expect(output).toMatch(message);
    expect(output).toContain("cannot join the namespaces that");
  });
}

function reeveWords(scope: Scope): readonly string[] {
  const config = instance(scope, "client", [
    `setns = ${scope.path("ns.sock")}`,
    "attach-daemon = sleep 93061",
  ]);
  return [REEVE, config];
}

check("a server that is not root's is not joined; one that says nothing holds nobody up", [
  ...NEEDS,
  python,
], async (scope) => {
  scope.directoryFor("open", 0o777);
  const path = scope.path("open/ns.sock");
  const script = lie('b"uwsgi-setns" + struct.pack("i", 1)', NAMESPACES);
  const other = scope.start([
    "setpriv",
    "--reuid=4321",
    "--regid=4321",
    "--clear-groups",
    "/usr/bin/python3",
    "-c",
    script,
    path,
  ]);
  await other.untilLog(/up/);
  const refused = scope.reeve(instance(scope, "refused", [`setns = ${path}`, "attach-daemon = sleep 93071"]));
  const { code, output } = await refused.untilExit();
  expect(code).toBe(1);
  expect(output).toContain("uid 4321 serves it, and not root");
  const silent = scope.start(["/usr/bin/python3", "-c", lie("", []), scope.path("silent.sock")]);
  await silent.untilLog(/up/);
  const client = scope.reeve(instance(scope, "client", [
    `attach-daemon2 = cmd=sleep 93072,setns=${scope.path("silent.sock")}`,
    "attach-daemon = sleep 93073",
  ]));
  await client.untilLog(/its server does not answer/);
  await untilRunning(/^sleep 93073$/);
  expect((await client.stop()).code).toBe(0);
});

check(
  "the place of the socket: what a dead server left is replaced, anything else is not",
  NEEDS,
  async (scope) => {
    const server = await serving(scope, ["unshare = uts"]);
    await server.kill();
    expect(lstatSync(scope.path("ns.sock")).isSocket()).toBe(true);
    const next = await serving(scope, ["unshare = uts"]);
    const second = await scope.run([
      REEVE,
      instance(scope, "second", [`setns-socket = ${scope.path("ns.sock")}`, "attach-daemon = sleep 93081"]),
    ]);
    expect(second.code).toBe(1);
    expect(second.output).toContain("is the setns-socket of the running reeve");
    // It goes on over a reload.
    next.signal("SIGHUP");
    await next.untilLog(/reeve is back/);
    expect(lstatSync(scope.path("ns.sock")).isSocket()).toBe(true);
    expect((await next.stop()).code).toBe(0);
    writeFileSync(scope.path("ns.sock"), "mine");
    const third = await scope.run([REEVE, scope.path("server.ini")]);
    // It can be seen beforehand, so nothing is started.
    expect(third.code).toBe(2);
    expect(scope.read("ns.sock")).toBe("mine");
  },
);
