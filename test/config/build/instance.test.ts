import { describe, expect, test } from "bun:test";
import { build, fakeSystem, ORDINARY } from "./fake_system.ts";
import { buildPlan } from "../../../lib/config/build/build_plan.ts";
import { Diagnostics } from "../../../lib/config/diagnostic.ts";

describe("the instance", () => {
  test("without options has every default", () => {
    const { plan, texts } = build("");
    expect(texts).toEqual([]);
    expect(plan.instance).toEqual({
      name: "app",
      naming: {
        identity: "/etc/reeve/app.ini",
        names: ["app", "app~reeve", expect.stringMatching(/^app~[0-9a-f]{6}$/)],
      },
      runDir: null,
      identity: null,
      umask: null,
      chdir: null,
      environment: [],
      pidfiles: [],
      vacuum: false,
      daemonize: false,
      log: {
        file: null,
        asUser: false,
        format: "text",
        date: null,
        prefix: null,
        maxSize: 0,
        backupName: null,
        truncate: false,
        chown: false,
        mode: null,
        reopen: false,
      },
      reloadMercy: 3,
      exitOnReload: false,
      sigtermReloads: false,
      userEnvironment: "user",
      touchReload: [],
      touchLogReopen: [],
      touchLogRotate: [],
      touchExec: [],
      fsReload: [],
      hooks: [],
      waits: [],
      limitAs: null,
      limitNproc: null,
      nice: null,
      cpuAffinity: null,
      caps: null,
      masterFifo: [],
      jail: null,
      setnsServer: null,
      legions: [],
      stats: null,
      shell: "/bin/sh",
      procnamePrefix: null,
      stateDir: null,
      controlPath: null,
      controlAllow: [],
      origins: {},
    });
  });

  test("control-allow: users and groups by name or number, to read where nothing else is said", () => {
    const { plan, texts } = build(
      "control-allow = www-data\ncontrol-allow = @www-data:operate\ncontrol-allow = 1000:admin\ncontrol-path = /srv/c",
    );
    expect(texts).toEqual([]);
    expect(plan.instance.controlPath).toBe("/srv/c");
    expect(plan.instance.controlAllow.map(({ kind, id, level, origin }) => [kind, id, level, origin.line]))
      .toEqual([
        ["user", 33, "read", 1],
        ["group", 33, "operate", 2],
        ["user", 1000, "admin", 3],
      ]);
  });

  test("scalars: the last one counts", () => {
    const { plan } = build(
      "chdir = /a\numask = 022\nreload-mercy = 5\nprio = -5\nchdir = /b\nlimit-as = 1.5\nvacuum",
    );
    expect(plan.instance).toMatchObject({
      chdir: "/b",
      umask: 0o22,
      reloadMercy: 5,
      nice: -5,
      limitAs: 1572864,
      vacuum: true,
    });
    expect(plan.instance.origins?.["chdir"]).toEqual({ file: "app.ini", line: 5 });
  });

  test("reload-mercy is the default of stop_timeout", () => {
    const { plan } = build("reload-mercy = 7\nattach-daemon = a\nattach-daemon2 = cmd=b,stop_timeout=1");
    expect(plan.daemons.map(({ stopTimeout }) => stopTimeout)).toEqual([7, 1]);
    expect(plan.daemons[0]?.origins.stopTimeout?.line).toBe(1);
  });

  test.each([
    ["umask = 9", '"umask" takes an octal number'],
    ["umask = 7777", "777 is the largest"],
    ["limit-as = x", 'cannot use limit-as="x"'],
    ["limit-nproc = 0", "out of range"],
    ["prio = 20", "out of range"],
    ["reload-mercy = soon", '"reload-mercy" takes a time'],
    ["cap = net_bind_servic", 'did you mean "net_bind_service"?'],
    ["instance-name = a/b", 'cannot use "a/b" as the instance\'s name'],
    ["chdir =", 'option "chdir" needs a value'],
    ["uid = nosuch", 'unknown user "nosuch": it is not in /etc/passwd'],
    ["logto = 127.0.0.1:1717", "logging to a UDP address is not served"],
    ["env = =x", 'no name before "="'],
    ["envdir = /no/where", 'cannot read envdir "/no/where"'],
    ["touch-exec = /tmp/x", 'takes "FILE COMMAND"'],
    ["control-allow = nosuch:read", 'unknown user "nosuch": it is not in /etc/passwd'],
    ["control-allow = @nosuch", 'unknown group "nosuch"'],
    ["control-allow = root:oparate", 'unknown level "oparate" in control-allow: did you mean "operate"?'],
    ["control-allow = 65534", "every process of another user namespace looks as if it were that"],
    ["control-allow =", 'option "control-allow" needs a value'],
  ])("%s is an error", (text, expected) => {
    const { diagnostics, texts } = build(text);
    expect(texts.join("\n")).toContain(expected);
    expect(texts[0]).toMatch(/^app\.ini:\d+: /);
    expect(diagnostics.hasErrors).toBe(true);
  });

  test.each([
    ["/etc/x.y/my.app.ini", "my.app"],
    ["app", "app"],
    ["<stdin>", "stdin"],
    ["-", "stdin"],
    ["/etc/.hidden", "hidden"],
    ["dir/ä b.ini", "ä__b"],
    ["dir/a\u0308.ini", "ä"],
    ["dir/база.ini", "база"],
    ["dir/\u{1f4be}.ini", "reeve"],
    ["/etc/app.ini:web", "app.web"],
    ["/etc/app.ini:uwsgi", "app"],
    ["dir/...", "reeve"],
  ])("%s makes the name %s", (file, name) => {
    const plan = buildPlan([], [file], fakeSystem(), new Diagnostics());
    expect(plan.instance.name.replace(/_+/, "__")).toBe(name);
  });

  test("of several redirections of the log the last that uWSGI makes wins", () => {
    expect(build("daemonize = /a\nlogto2 = /b\nlogto = /c").plan.instance.log).toMatchObject({
      file: "/b",
      asUser: true,
    });
    expect(build("logto = /c\ndaemonize = /a").plan.instance).toMatchObject({
      daemonize: true,
      log: { file: "/a" },
    });
  });

  test("log-date without a format is the form of ctime", () => {
    expect(build("log-date = true").plan.instance.log.date).toBe("%a %b %e %H:%M:%S %Y");
    expect(build("log-date = %H:%M").plan.instance.log.date).toBe("%H:%M");
    expect(build("log-date = false").plan.instance.log.date).toBeNull();
  });

  test("capabilities by name and number", () => {
    expect(build("cap = net_bind_service,CAP_CHOWN,7,chown").plan.instance.caps).toEqual([0, 7, 10]);
  });
});

test("more FIFOs than there are slots are an error at the first that has none", () => {
  const { texts } = build("master-fifo = /f\n".repeat(12));
  expect(texts).toEqual(["app.ini:11: cannot use more than 10 master-fifo: there are slots 0 to 9"]);
});

describe("the environment", () => {
  test("env and unenv in their order, envdir after them, ienv before", () => {
    const system = fakeSystem({
      ...ORDINARY,
      "/e": { kind: "directory", names: ["B", "A", ".hidden", "EMPTY", "sub"] },
      "/e/A": { text: "one \n\n" },
      "/e/B": { text: "x\0y\n" },
      "/e/.hidden": { text: "no" },
      "/e/EMPTY": { text: "" },
      "/e/sub": { kind: "directory" },
    });
    const { plan, texts } = build("envdir = /e\nenv = A=1=2\nunenv = C\nienv = Z=1\nenv = GONE", system);
    expect(plan.instance.environment).toEqual([
      { name: "Z", value: "1" },
      { name: "A", value: "1=2" },
      { name: "C", value: null },
      { name: "GONE", value: null },
      { name: "A", value: "one" },
      { name: "B", value: "x\ny" },
      { name: "EMPTY", value: null },
    ]);
    expect(texts).toEqual([
      'app.ini:5: warning: env without "=" removes "GONE": write env = GONE=VALUE to set it, unenv = GONE to remove it',
    ]);
  });

  test("vars is a file of NAME=VALUE lines, and a wrong line is named", () => {
    const system = fakeSystem({ "/v": { text: "# c\nA=1\r\n\nnothing\nB= x" } });
    const { plan, texts } = build("vars = /v", system);
    expect(plan.instance.environment).toEqual([{ name: "A", value: "1" }, { name: "B", value: " x" }]);
    expect(texts).toEqual(["/v:4: cannot read a variable: no NAME=VALUE"]);
  });
});

test("what is for a log file warns where there is none", () => {
  const { texts, diagnostics } = build("log-maxsize = 10M\nlog-reopen = true\ntouch-logrotate = /x\n");
  expect(texts).toEqual([
    "app.ini:1: warning: log-maxsize has no effect without a log file: name one with logto",
    "app.ini:2: warning: log-reopen has no effect without a log file: name one with logto",
    "app.ini:3: warning: touch-logrotate has no effect without a log file: name one with logto",
  ]);
  expect(diagnostics.hasErrors).toBe(false);
  expect(build("logto = /x.log\nlog-maxsize = 10M").texts).toEqual([]);
});

describe("waits", () => {
  test("with a wrong time-out are one error, whatever is waited for", () => {
    expect(build("wait-for-fs-timeout = soon").texts).toEqual([
      'app.ini:1: "wait-for-fs-timeout" takes a time in seconds, or with a unit ("500ms", "10m"), not "soon"',
    ]);
  });

  test("have uWSGI's 60 seconds unless told otherwise; 0 is for ever", () => {
    const { plan } = build(
      "wait-for-file = /a\nwait-for-socket = /s\nwait-for-socket-timeout = 0\nwait-iface = eth0\nwait-for-mountpoint = /m\nwait-for-fs-timeout = 5",
    );
    expect(plan.instance.waits.map(({ what, target, timeout }) => [what, target, timeout])).toEqual([
      ["interface", "eth0", 60],
      ["file", "/a", 5],
      ["mountpoint", "/m", 5],
      ["socket", "/s", 0],
    ]);
  });
});
