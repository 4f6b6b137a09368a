import { describe, expect, test } from "bun:test";
import { parseHookAction } from "../../../lib/config/build/hook_actions.ts";
import { build } from "./fake_system.ts";

describe("hooks", () => {
  test("run by phase, in a phase hook, mount, umount, exec, each in the order of the file", () => {
    const { plan, texts } = build([
      "exec-as-user = u",
      "exec-as-root = b",
      "umount-as-root = /m",
      "hook-as-root = exec:a",
      "mount-as-root = tmpfs none /m nosuid,nodev size=1m",
      "hook-as-root = print:x y",
      "exec-asap = first",
    ].join("\n"));
    expect(texts).toEqual([]);
    expect(plan.instance.hooks.map(({ phase, shown }) => `${phase} ${shown}`)).toEqual([
      "asap first",
      "as-root exec:a",
      "as-root print:x y",
      "as-root tmpfs none /m nosuid,nodev size=1m",
      "as-root /m",
      "as-root b",
      "as-user u",
    ]);
  });

  test("a leading ! hides the action in what is shown", () => {
    const [hook] = build("hook-asap = !putenv:A=secret").plan.instance.hooks;
    expect(hook).toMatchObject({ shown: "[hidden]", action: { kind: "putenv", name: "A", value: "secret" } });
  });

  test("accepting is one phase, whatever form of it is written", () => {
    const { plan } = build("hook-accepting1-once = print:a\nhook-accepting = print:b");
    expect(plan.instance.hooks.map(({ phase }) => phase)).toEqual(["accepting", "accepting"]);
  });

  test("uWSGI's way to stop on SIGTERM is skipped with the reason", () => {
    const { plan, texts } = build("hook-master-start = unix_signal:15 gracefully_kill_them_all");
    expect(plan.instance.hooks).toEqual([]);
    expect(texts[0]).toContain("is skipped: SIGTERM and SIGINT stop reeve anyway");
  });

  test("actions of the application server are notes, not errors", () => {
    for (const action of ["call:f", "callret:f 1", "rpc:f", "alarm:a b", "spinningfifo:/f x"]) {
      const { diagnostics } = build(`hook-as-user = ${action}`);
      expect(diagnostics.list.map(({ severity }) => severity)).toEqual(["note"]);
    }
  });

  test("a function whose effect reeve has acts, and any other is named with what to write", () => {
    const hook = (action: string) => build(`hook-as-root = ${action}`).plan.instance.hooks[0]?.action;
    expect(hook("callret:chdir /var")).toEqual({ kind: "chdir", path: "/var" });
    expect(hook("call:unlink /run/x")).toEqual({ kind: "unlink", path: "/run/x" });
    expect(hook("callret:system mkdir /x")).toEqual({ kind: "exec", command: "mkdir /x", mayFail: false });
    expect(hook("call:system mkdir /x")).toMatchObject({ mayFail: true });
    expect(hook("callint:exit 3")).toEqual({ kind: "exit", code: 3 });
    const { plan, texts } = build(
      "umask = 077\nhook-as-root = callint:umask 18\nhook-as-root = callintret:setuid 33\nattach-daemon = a",
    );
    expect(plan.instance.umask).toBe(0o022);
    expect(plan.daemons[0]?.identity?.uid).toBe(33);
    expect(texts).toEqual([
      'app.ini:2: note: hook-as-root "callint:umask 18" is skipped: it is taken for umask = 022',
      'app.ini:3: note: hook-as-root "callintret:setuid 33" is skipped: it is taken for uid = 33',
    ]);
    expect(build("hook-as-root = callret:mkdir /x\nhook-as-user = call:uwsgi_shutdown").texts).toEqual([
      'app.ini:1: note: hook-as-root "callret:mkdir /x" is skipped: "mkdir" is a function of the application server: ' +
      "write mkdir:PATH",
      'app.ini:2: note: hook-as-user "call:uwsgi_shutdown" is skipped: "uwsgi_shutdown" is a function of the ' +
      "application server: write exec:COMMAND for what it does",
    ]);
  });

  test("touch-exec and hook-touch with a command", () => {
    const { plan } = build("touch-exec = /f echo a b\nhook-touch = /g exec:b");
    expect(plan.instance.touchExec.map(({ path, command }) => [path, command])).toEqual([["/f", "echo a b"], [
      "/g",
      "b",
    ]]);
  });
});

describe("an action", () => {
  test.each([
    ["cd:/a", { kind: "chdir", path: "/a" }],
    ["mkdir:/a b", { kind: "mkdir", path: "/a b" }],
    ["chmod:/a 755", { kind: "chmod", path: "/a", mode: 0o755 }],
    ["chmod:/a 1777", { kind: "chmod", path: "/a", mode: 0o1777 }],
    ["chown:/a root adm", { kind: "chown", path: "/a", owner: "root", group: "adm", follow: true }],
    ["safeexec:x y", { kind: "exec", command: "x y", mayFail: true }],
    ["write:/a b c", { kind: "write", path: "/a", text: "b c", append: false, newline: false }],
    ["writen:/a b", { kind: "write", path: "/a", text: "b", append: false, newline: true }],
    ["append:/a b", { kind: "write", path: "/a", text: "b", append: true, newline: false }],
    ["appendn:/a", { kind: "write", path: "/a", text: "", append: true, newline: true }],
    ["appendn:/a b", { kind: "write", path: "/a", text: "b", append: true, newline: true }],
    ["writefifo:/f q", { kind: "writefifo", path: "/f", text: "q" }],
    ["mount:proc none /proc", {
      kind: "mount",
      type: "proc",
      source: "none",
      target: "/proc",
      flags: [],
      data: null,
    }],
    ["mount: /a /b bind", {
      kind: "mount",
      type: "",
      source: "/a",
      target: "/b",
      flags: ["bind"],
      data: null,
    }],
    ["umount:/b rec,detach", { kind: "umount", target: "/b", flags: ["rec", "detach"] }],
    ["wait_for_socket:/s", { kind: "wait", what: "socket", target: "/s" }],
    ["exit:3", { kind: "exit", code: 3 }],
    ["exit:", { kind: "exit", code: 0 }],
    ["log:", { kind: "print", text: "" }],
    ["putenv:A=b=c", { kind: "putenv", name: "A", value: "b=c" }],
  ])("%s", (text, expected) => {
    expect(parseHookAction(text)).toEqual(
      { kind: "action", action: expected } as ReturnType<typeof parseHookAction>,
    );
  });

  test.each([
    ["nothing", 'has no ":"'],
    ["exce:x", 'did you mean "exec"?'],
    ["constructor:x", "unknown hook action"],
    ["chmod:/a 9", "three or four octal digits"],
    ["chown:/a root", 'takes "PATH USER GROUP"'],
    ["write:/a", 'takes "PATH TEXT"'],
    ["mount:tmpfs none", 'takes "FS SOURCE TARGET'],
    ["mount:tmpfs none /m nosiud", 'did you mean "nosuid"?'],
    ["umount:", "TARGET"],
    ["putenv:A", "NAME=VALUE"],
    ["exit:256", "from 0 to 255"],
    ["exec: ", "no COMMAND"],
  ])("%s is wrong", (text, expected) => {
    const parsed = parseHookAction(text);
    expect(parsed.kind === "wrong" ? parsed.problem : parsed.kind).toContain(expected);
  });
});
