/**
 * The control socket of a running instance, as its clients meet it: root, other users, other namespaces, and
 * whoever means it no good.
 */
import { expect } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { Scope, StartOptions, Supervisor } from "./harness.ts";
import { check, type Need, program, reeve, root, user } from "./need.ts";
import type { ProcessState } from "./process.ts";
import { until } from "./wait.ts";

const PYTHON = "/usr/bin/python3";
const CLIENT = join(import.meta.dir, "../fixtures/ask_control.py");
const python = program(PYTHON, "python3");
const setpriv = program("setpriv", "util-linux");
const NEEDS: readonly Need[] = [reeve, python];

function ask(scope: Scope, socket: string, words: readonly string[] = [], wrap: readonly string[] = []) {
  return scope.run([PYTHON, CLIENT, socket, ...words], { wrap });
}

/** As this user, in this group and no other, with the client and the scope within reach. */
function as(uid: number, gid = uid, groups: readonly number[] = []): readonly string[] {
  const others = groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`;
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, others];
}

async function started(
  scope: Scope,
  lines: readonly string[] = [],
  options: StartOptions = {},
): Promise<Supervisor> {
  const supervisor = scope.reeve(scope.config([...lines, "attach-daemon = sleep 900"]), options);
  await supervisor.untilLog(/reeve is up/);
  return supervisor;
}

check("an instance answers on a socket of its run directory that its own user alone may use", [
  ...NEEDS,
  root,
  setpriv,
], async (scope) => {
  const supervisor = await started(scope);
  const socket = scope.path("run", "control");
  expect(lstatSync(socket).isSocket()).toBe(true);
  expect(lstatSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(scope.path("run")).mode & 0o777).toBe(0o700);
  const { output } = await ask(scope, socket);
  expect(output).toStartWith("200 ");
  expect(JSON.parse(output.slice(4))).toMatchObject({
    type: "sync",
    "status-code": 200,
    result: { instance: "test", pid: supervisor.id.pid },
  });
  expect((await ask(scope, socket, [], as(54340))).output).toBe("PermissionError\n");
  await supervisor.stop();
  expect(existsSync(socket)).toBe(false);
});

check("control-allow lets in a user, or members of a group, each with its level and no further", [
  ...NEEDS,
  root,
  setpriv,
  user("www-data"),
], async (scope) => {
  const allowed = ["control-allow = www-data", "control-allow = @54341:operate"];
  // The socket's mode is not left to the umask.
  const supervisor = await started(scope, allowed, { wrap: ["sh", "-c", 'umask 077; exec "$@"', "sh"] });
  const socket = scope.path("run", "control");
  expect(lstatSync(socket).mode & 0o777).toBe(0o666);
  expect(statSync(scope.path("run")).mode & 0o777).toBe(0o711);
  expect((await ask(scope, socket, [], as(33))).output).toStartWith("200 ");
  expect((await ask(scope, socket, [], as(54340, 54341))).output).toStartWith("200 ");
  expect((await ask(scope, socket, [], as(54340, 54340, [4, 54341]))).output).toStartWith("200 ");
  const { output } = await ask(scope, socket, [], as(54340));
  expect(output).toStartWith("403 ");
  expect(JSON.parse(output.slice(4))).toMatchObject({ type: "error", result: { kind: "permission-denied" } });
  await supervisor.stop();
});

const userNamespace: Need = {
  missing: () =>
    Bun.spawnSync(["unshare", "--user", "--map-root-user", "true"]).success ? null : "needs user namespaces",
};

check("root of another user namespace is who made it, and no more", [
  ...NEEDS,
  root,
  setpriv,
  userNamespace,
], async (scope) => {
  const supervisor = await started(scope, ["control-allow = 54340:admin"]);
  const socket = scope.path("run", "control");
  const asRoot = ["unshare", "--user", "--map-root-user"];
  expect((await ask(scope, socket, [], [...as(54340), ...asRoot])).output).toStartWith("200 ");
  expect((await ask(scope, socket, [], [...as(54342), ...asRoot])).output).toStartWith("403 ");
  await supervisor.stop();
});

check("to an instance in a user namespace all who have no number in it are nobody", [
  ...NEEDS,
  root,
  setpriv,
  userNamespace,
], async (scope) => {
  const lines = ["control-allow = 1000:admin", "control-allow = @1000:admin", "attach-daemon = sleep 900"];
  const supervisor = scope.reeve(scope.config(lines), { wrap: ["unshare", "--user", "--map-root-user"] });
  await supervisor.untilLog(/reeve is up/);
  const socket = scope.path("run", "control");
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  const { output } = await ask(scope, socket, [], as(1000));
  expect(output).toStartWith("403 ");
  expect(output).toContain("uid 65534");
  await supervisor.stop();
});

check(
  "the socket of a killed instance is replaced, and what is no socket is not",
  [...NEEDS],
  async (scope) => {
    const first = await started(scope);
    const socket = scope.path("run", "control");
    await first.kill();
    expect(lstatSync(socket).isSocket()).toBe(true);
    expect((await ask(scope, socket)).output).toBe("ConnectionRefusedError\n");
    const second = await started(scope);
    expect((await ask(scope, socket)).output).toStartWith("200 ");
    await second.stop();
    mkdirSync(socket);
    const third = await started(scope);
    expect(third.log()).toContain(`cannot make the control socket "${socket}"`);
    expect(lstatSync(socket).isDirectory()).toBe(true);
    expect((await third.stop()).code).toBe(0);
  },
);

check("a socket that is removed is made again, and is there over a reload", [...NEEDS], async (scope) => {
  const supervisor = await started(scope);
  const socket = scope.path("run", "control");
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  await Bun.file(socket).delete();
  await until("it is there again", () => existsSync(socket));
  await supervisor.untilLog(/control socket .* was gone: it is made again/);
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/);
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  expect(supervisor.log()).not.toContain("cannot");
  await supervisor.stop();
});

check("over a reload nobody who connects is refused", [...NEEDS], async (scope) => {
  const supervisor = await started(scope);
  const before = lstatSync(scope.path("run", "control")).ino;
  const client = scope.start([PYTHON, CLIENT, scope.path("run", "control"), "ask-on"]);
  await client.untilLog(/\d+ answers/);
  for (let count = 1; count < 4; count++) {
    supervisor.signal("SIGHUP");
    await until("it is back", () => supervisor.log().split("reeve is back").length > count);
  }
  const { output } = await client.stop("SIGINT");
  expect(output).not.toContain("refused");
  expect(output).toMatch(/\d+ answers/);
  expect(lstatSync(scope.path("run", "control")).ino).toBe(before);
  await supervisor.stop();
});

check("a run directory of a longer name than a socket can have is served all the same", [
  ...NEEDS,
], async (scope) => {
  const directory = scope.directoryFor("long".repeat(40));
  const supervisor = scope.reeve(
    scope.write("test.ini", `[uwsgi]\nrun-dir = ${directory}\nattach-daemon = sleep 900\n`),
  );
  await supervisor.untilLog(/reeve is up/);
  expect(lstatSync(join(directory, "control")).isSocket()).toBe(true);
  // From its directory, since the name is too long for python as well.
  const client = [PYTHON, CLIENT, "control"];
  expect((await scope.run(client, { cwd: directory })).output).toStartWith("200 ");
  await supervisor.stop();
});

check("control-path has the socket, and the run directory a link to it", [...NEEDS], async (scope) => {
  const path = scope.path("elsewhere");
  const supervisor = await started(scope, [`control-path = ${path}`]);
  const link = scope.path("run", "control");
  expect(lstatSync(path).isSocket()).toBe(true);
  expect(readlinkSync(link)).toBe(path);
  expect((await ask(scope, link)).output).toStartWith("200 ");
  await supervisor.stop();
  expect(existsSync(path)).toBe(false);
  expect(() => lstatSync(link)).toThrow("ENOENT");
  // A killed one leaves its link, which must not lead another start astray.
  await (await started(scope, [`control-path = ${path}`])).kill();
  const second = await started(scope);
  expect(lstatSync(link).isSocket()).toBe(true);
  await second.stop();
});

check("what a stranger has put in the place of control-path holds up nothing, and is not removed", [
  ...NEEDS,
  root,
  setpriv,
], async (scope) => {
  const path = join(scope.directoryFor("shared", 0o1777), "control");
  for (const plant of ['mkdir "$0"', 'echo > "$0"', 'ln -s /etc/passwd "$0"', 'mkfifo "$0"']) {
    await scope.run(["sh", "-c", plant, path], { wrap: as(54340) });
    const planted = lstatSync(path).ino;
    const supervisor = await started(scope, [`control-path = ${path}`]);
    await supervisor.untilLog(/cannot make the control socket .* tried again/);
    expect(lstatSync(path).ino).toBe(planted);
    rmSync(path, { recursive: true });
    await until("the socket is there", () => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true);
    expect((await ask(scope, path)).output).toStartWith("200 ");
    await supervisor.stop();
  }
});

check(
  "without a run directory there is no socket, and a line says what that costs",
  [reeve],
  async (scope) => {
    const ini = scope.write("test.ini", "[uwsgi]\nrun-dir = /proc/nowhere\nattach-daemon = sleep 900\n");
    const supervisor = scope.reeve(ini);
    await supervisor.untilLog(/reeve is up/);
    const said = supervisor.log().split("\n").filter((line) => line.includes("no run directory"));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("no control socket");
    await supervisor.stop();
  },
);

check("256 clients that read nothing, and ask on and on, do not delay a stop", [...NEEDS], async (scope) => {
  const supervisor = await started(scope);
  const crowd = scope.start([PYTHON, CLIENT, scope.path("run", "control"), "read-nothing"]);
  await crowd.untilLog(/asked/);
  await supervisor.untilLog(/reeve is up/);
  const { code } = await supervisor.stop();
  expect(code).toBe(0);
  expect(supervisor.log()).not.toContain("fault of reeve");
});

check("a crowd of another user keeps root from nothing", [...NEEDS, root, setpriv], async (scope) => {
  const supervisor = await started(scope, ["control-allow = @54341"]);
  const socket = scope.path("run", "control");
  for (let uid = 54350; uid < 54362; uid++) {
    const crowd = scope.start([PYTHON, CLIENT, socket, "read-nothing", "20"], { wrap: as(uid, 54341) });
    await crowd.untilLog(/asked/);
  }
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  await supervisor.stop();
});

check("descriptors that a client passes are closed, and a client may end at any byte", [
  ...NEEDS,
], async (scope) => {
  const supervisor = await started(scope);
  const socket = scope.path("run", "control");
  const core = await supervisor.untilCore();
  const descriptors = (): number => readdirSync(`/proc/${core.pid}/fd`).length;
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  await until("the first client is gone", () => sockets(core) === 1);
  const before = descriptors();
  const client = scope.start([PYTHON, CLIENT, socket, "pass-descriptors"], { stdin: "pipe" });
  await client.untilLog(/200/);
  expect(descriptors()).toBe(before + 1);
  await client.stop("SIGKILL");
  expect((await ask(scope, socket, ["end-early"])).output).toBe("ended\n");
  await until("all are gone", () => descriptors() === before);
  expect((await ask(scope, socket)).output).toStartWith("200 ");
  expect(supervisor.log()).not.toContain("fault of reeve");
  await supervisor.stop();
});

/** Unix sockets with the name of the control socket: the listening one, and one for each client. */
/** Of the core, which serves them. */
function sockets(core: ProcessState): number {
  const { pid } = core;
  const open = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined; // It was closed meanwhile.
      }
    }),
  );
  return readFileSync("/proc/net/unix", "latin1").split("\n").filter((line) =>
    line.endsWith("/run/control") && open.has(line.trim().split(/\s+/)[6])
  ).length;
}

check("an instance with clients listens on no port that its configuration does not name", [
  ...NEEDS,
], async (scope) => {
  const supervisor = await started(scope);
  const socket = scope.path("run", "control");
  for (let count = 0; count < 3; count++) await ask(scope, socket);
  const inodes = readdirSync(`/proc/${supervisor.id.pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${supervisor.id.pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const ports = ["tcp", "tcp6", "udp", "udp6"].flatMap((name) =>
    readFileSync(`/proc/${supervisor.id.pid}/net/${name}`, "latin1").split("\n").slice(1)
      .filter((line) => inodes.includes(`socket:[${line.trim().split(/\s+/)[9]}]`))
  );
  expect(ports).toEqual([]);
  await supervisor.stop();
});
