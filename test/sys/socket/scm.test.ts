/** Descriptors over unix sockets, and what is refused of them. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { parseSetnsMessage, setnsMessage } from "../../../lib/jail/setns.ts";
import { closeFd, peerCredentials, peerGroups } from "../../../lib/sys/file/descriptor.ts";
import { errorCode } from "../../../lib/sys/errno.ts";
import {
  acceptNext,
  connectTo,
  listenAt,
  namespaceKind,
  receiveDescriptors,
  sendDescriptors,
} from "../../../lib/sys/socket/scm.ts";
import { Scratch } from "../file/scratch.ts";
import { openDescriptors, openedSince } from "../../support/descriptors.ts";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
let names = 0;
const PYTHON = "/usr/bin/python3";
const O_CLOEXEC = 0o2000000;

function codeOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return errorCode(error);
  }
}

/** A connected pair at a path of its own. */
function pair(): { readonly server: number; readonly client: number } {
  const path = scratch.at(`socket.${names++}`);
  const listener = listenAt(path, 0o600);
  const client = connectTo(path);
  const server = acceptNext(listener);
  closeFd(listener);
  return { server: server!, client };
}

describe("a socket", () => {
  test("has the permissions that it was given, whatever the umask takes", () => {
    const path = scratch.at(`socket.${names++}`);
    closeFd(listenAt(path, 0o600));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
  test("that nobody serves any more is replaced; one that is served, and a file, are not", () => {
    const path = scratch.at(`socket.${names++}`);
    closeFd(listenAt(path, 0o600));
    const second = listenAt(path, 0o600);
    expect(codeOf(() => listenAt(path, 0o600))).toBe("EADDRINUSE");
    closeFd(second);
    unlinkSync(path);
    writeFileSync(path, "x");
    expect(codeOf(() => listenAt(path, 0o600))).toBe("EADDRINUSE");
    expect(codeOf(() => connectTo(path))).toBe("ECONNREFUSED");
  });
  test("of another's is not replaced where only one's own may be", () => {
    const path = scratch.at(`socket.${names++}`);
    closeFd(listenAt(path, 0o600));
    const uid = process.getuid?.() ?? 0;
    expect(codeOf(() => listenAt(path, 0o600, { owner: uid + 1 }))).toBe("EADDRINUSE");
    closeFd(listenAt(path, 0o600, { owner: uid }));
  });
  test("has a name in a directory of any length, all permissions, and is reached by it", () => {
    const directory = scratch.at("long".repeat(60));
    mkdirSync(directory);
    const path = `${directory}/socket`;
    const before = process.umask(0o077);
    const listener = listenAt(path, 0o666);
    expect(process.umask(before)).toBe(0o077);
    expect(statSync(path).mode & 0o777).toBe(0o666);
    const client = connectTo(path);
    const server = acceptNext(listener);
    expect(server).not.toBeNull();
    expect(readdirSync("/proc/self/fd").map(Number)).toContain(server ?? -1);
    for (const fd of [client, server!, listener]) closeFd(fd);
  });
  test("names that are no absolute path, or too long without their directory, are refused", () => {
    for (const path of ["", "/", "x", "@x", `/${"x".repeat(107)}`]) {
      expect(codeOf(() => listenAt(path, 0o600))).toBe("EINVAL");
      expect(codeOf(() => connectTo(path))).toBe("EINVAL");
    }
  });
  test("with nobody who waits, nobody is accepted", () => {
    const listener = listenAt(scratch.at(`socket.${names++}`), 0o600);
    expect(acceptNext(listener)).toBeNull();
    closeFd(listener);
  });
  test("knows who is at its other end", () => {
    const { server, client } = pair();
    for (const fd of [server, client]) {
      expect(peerCredentials(fd)).toMatchObject({ pid: process.pid, uid: process.getuid?.() ?? -1 });
    }
    const own = readFileSync("/proc/self/status", "latin1").match(/^Groups:\t(.*)$/m)?.[1] ?? "";
    const groups = own.split(" ").filter((group) => group !== "").map(Number);
    expect([...peerGroups(server)]).toEqual(groups);
    for (const fd of [server, client]) closeFd(fd);
  });
});

describe("descriptors", () => {
  test("come over as the same files, close-on-exec, with the message beside them", () => {
    const { server, client } = pair();
    const fds = ["/proc/self/ns/uts", "/proc/self/ns/net"].map((path) => openSync(path, "r"));
    sendDescriptors(server, setnsMessage(2), fds);
    const received = receiveDescriptors(client, 100, 1000);
    expect(parseSetnsMessage(received.bytes)).toBe(2);
    expect(received.fds.map(namespaceKind)).toEqual(["uts", "net"]);
    for (const fd of received.fds) {
      const flags = /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
      expect(parseInt(flags ?? "", 8) & O_CLOEXEC).toBe(O_CLOEXEC);
    }
    for (const fd of [...fds, ...received.fds, server, client]) closeFd(fd);
  });
  test("sixty-four are taken, more are not sent", () => {
    const { server, client } = pair();
    const fd = openSync("/dev/null", "r");
    sendDescriptors(server, setnsMessage(64), new Array<number>(64).fill(fd));
    const { fds } = receiveDescriptors(client, 100, 1000);
    expect(fds).toHaveLength(64);
    for (const one of fds) closeFd(one);
    expect(() => sendDescriptors(server, setnsMessage(65), new Array<number>(65).fill(fd))).toThrow(
      RangeError,
    );
    for (const one of [fd, server, client]) closeFd(one);
  });
  const withPython = existsSync(PYTHON) || process.env["MUST_WORK"] === "1" ? test : test.skip;
  withPython("of more than can be taken none is left open (needs python3)", async () => {
    const script =
      "import socket,sys\ns=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); print('up', flush=True)\n" +
      "c,_=s.accept(); socket.send_fds(c, [b'x'], [0]*200)";
    const path = scratch.at(`socket.${names++}`);
    const python = Bun.spawn([PYTHON, "-c", script, path], { stdin: "ignore", stdout: "pipe" });
    await python.stdout.getReader().read();
    const other = connectTo(path);
    const before = openDescriptors();
    expect(codeOf(() => receiveDescriptors(other, 100, 5000))).toBe("EBADMSG");
    expect(openedSince(before)).toEqual([]);
    closeFd(other);
    await python.exited;
  });
  test("a server that says nothing is waited for no longer than was said; one that hangs up is an end", () => {
    const { server, client } = pair();
    expect(codeOf(() => receiveDescriptors(client, 100, 1))).toBe("ETIMEDOUT");
    closeFd(server);
    expect(receiveDescriptors(client, 100, 1000)).toEqual({ bytes: new Uint8Array(0), fds: [] });
    closeFd(client);
  });
  test("what is no namespace has no kind", () => {
    for (const path of ["/dev/null", "/proc/self/status", "/"]) {
      const fd = openSync(path, "r");
      expect(namespaceKind(fd)).toBeNull();
      closeFd(fd);
    }
  });
});

describe("the words of setns", () => {
  test("are uWSGI's bytes", () => {
    expect(Buffer.from(setnsMessage(6)).toString("latin1")).toBe("uwsgi-setns\x06\0\0\0");
  });
  test("anything else is none", () => {
    const message = setnsMessage(3);
    for (
      const bytes of [
        message.subarray(1),
        message.subarray(0, 14),
        new Uint8Array([...message, 0]),
        new Uint8Array(15),
      ]
    ) {
      expect(parseSetnsMessage(bytes)).toBeNull();
    }
  });
});
