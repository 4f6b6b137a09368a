import { describe, expect, test } from "bun:test";
import { build } from "../fake_system.ts";

const ORIGIN = { file: "app.ini", line: 1 };

function daemonOf(keys: string) {
  const { plan, texts } = build(`attach-daemon2 = cmd=a,${keys}`);
  expect(texts).toEqual([]);
  const [daemon] = plan.daemons;
  if (daemon === undefined) throw new Error("no daemon");
  return daemon;
}

describe("a daemon of its own namespaces", () => {
  test("ns_pid gives it a PID namespace with a /proc of its own", () => {
    expect(daemonOf("ns_pid=1").namespaces).toEqual({
      namespaces: ["pid", "mnt"],
      join: [],
      root: null,
      hostname: null,
      keep: [],
      readonly: false,
      tmpfs: [],
    });
  });

  test("a PID namespace and a pidfile go together where reeve puts the daemon into the background", () => {
    expect(daemonOf("pidfile=/p,daemonize=1,ns_pid=1").kind).toBe("smart2");
    expect(daemonOf("pidfile=/p,ns=net").kind).toBe("smart");
  });

  test("ns names them, joined by semicolons", () => {
    expect(daemonOf("ns=user;net;ipc;cgroup;uts;mnt;pid").namespaces?.namespaces).toEqual([
      "pid",
      "mnt",
      "net",
      "uts",
      "ipc",
      "cgroup",
      "user",
    ]);
    expect(daemonOf("ns=fs").namespaces?.namespaces).toEqual(["mnt"]);
  });

  test.each([
    ["root=/r", ["mnt"]],
    ["hostname=h", ["uts"]],
    ["keep=/a:/b", ["mnt"]],
    ["readonly=1", ["mnt"]],
    ["tmpfs=/tmp", ["mnt"]],
    ["root=/", ["mnt"]],
    ["setns=1", []],
    ["hostname=h,tmpfs=/tmp,ns=net", ["mnt", "net", "uts"]],
  ])("%s brings the namespaces that it needs", (keys, kinds) => {
    expect(daemonOf(keys).namespaces?.namespaces).toEqual(kinds as never);
  });

  test("root, keep, tmpfs and setns are lists and paths, with the origin of the line", () => {
    const daemon = daemonOf(
      "root=/r//x/,keep=/r/x/data;/srv:/www,tmpfs=/tmp;/run/;/tmp,setns=12;/proc/3/ns/net,hostname=h,readonly=",
    );
    expect(daemon.namespaces).toEqual({
      namespaces: ["mnt", "uts"],
      join: [
        { kind: "pid", pid: 12, origin: ORIGIN },
        { kind: "path", path: "/proc/3/ns/net", origin: ORIGIN },
      ],
      root: { path: "/r/x", how: "pivot", keepOld: null },
      hostname: "h",
      keep: [
        { source: "/r/x/data", target: "/data", origin: ORIGIN },
        { source: "/srv", target: "/www", origin: ORIGIN },
      ],
      readonly: true,
      tmpfs: ["/tmp", "/run"],
    });
    expect(daemon.origins.namespaces).toEqual(ORIGIN);
  });

  test("caps are names and numbers of the bounding set that is kept, none of it for none", () => {
    expect(daemonOf("caps=net_bind_service;CAP_CHOWN;7").capsBound).toEqual([0, 7, 10]);
    expect(daemonOf("caps=none").capsBound).toEqual([]);
    expect(daemonOf("caps=chown").origins.capsBound).toEqual(ORIGIN);
    expect(daemonOf("name=x").capsBound).toBeNull();
  });

  test("no_new_privs and readonly, which uWSGI does not have, can be switched off", () => {
    expect(daemonOf("no_new_privs=1")).toMatchObject({ noNewPrivs: true, namespaces: null });
    expect(daemonOf("no_new_privs=")).toMatchObject({ noNewPrivs: true });
    const { plan, texts } = build("attach-daemon2 = cmd=a,no_new_privs=0,readonly=no");
    expect(plan.daemons[0]).toMatchObject({ noNewPrivs: false, namespaces: null });
    expect(texts).toEqual([]);
  });
});

test.each([
  ["ns=", "cannot use ns: its value is empty"],
  ["ns=pid;nett", 'unknown namespace "nett" in ns: did you mean "net"?'],
  ["root=", "cannot use root: no directory is named"],
  ["root=r", 'cannot use root="r": the path must be absolute'],
  ["hostname=", 'cannot use "" as the hostname: it is empty'],
  [`hostname=${"x".repeat(65)}`, "it has 65 bytes"],
  ["keep=", "cannot use keep: its value is empty"],
  ["keep=a", "the source must be an absolute path"],
  ["keep=/a:b", "the target must be an absolute path"],
  ["keep=/a:/x;/b:/x", '"/a" is mounted on "/x" already'],
  ["tmpfs=tmp", 'cannot use tmpfs "tmp": the path must be absolute'],
  ["tmpfs=/a/../b", 'write the path without ".."'],
  ["tmpfs=/", "it would hide the whole root"],
  ["setns=0", "that is no pid"],
  ["setns=", "cannot use setns: its value is empty"],
  ["caps=", 'write "caps=none" to keep none'],
  ["caps=net_bind_servic", 'did you mean "net_bind_service"?'],
  ["pidfile=/p,ns_pid=1", "the namespace ends with its launcher"],
  ["pidfile=/p,ns=net;pid", "stay in the foreground and add daemonize=1"],
  ["rot=/x", 'unknown key "rot": did you mean "root"?'],
])("%s is an error", (keys, expected) => {
  const { diagnostics, texts } = build(`attach-daemon2 = cmd=a,${keys}`);
  expect(texts.join("\n")).toContain(expected);
  expect(diagnostics.hasErrors).toBe(true);
});
