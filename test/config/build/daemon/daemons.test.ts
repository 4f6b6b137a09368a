import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { build, fakeSystem, ORDINARY } from "../fake_system.ts";

describe("plain forms", () => {
  test("attach-daemon is a dumb daemon with every default filled in", () => {
    const { plan, texts } = build("attach-daemon = memcached -p 11311 -u roberto");
    expect(texts).toEqual([]);
    expect(plan.daemons).toEqual([{
      name: "memcached",
      option: "attach-daemon",
      kind: "dumb",
      command: {
        kind: "words",
        text: "memcached -p 11311 -u roberto",
        words: ["memcached", "-p", "11311", "-u", "roberto"],
      },
      pidfile: null,
      freq: 10,
      control: false,
      touch: [],
      stopSignal: 15,
      reloadSignal: null,
      stdin: false,
      identity: null,
      chdir: null,
      maxThrottle: 300,
      notifyPid: false,
      stopTimeout: 3,
      namespaces: null,
      capsBound: null,
      noNewPrivs: false,
      legion: null,
      environment: [],
      tags: [],
      startup: "enabled",
      origin: { file: "app.ini", line: 1 },
      origins: { command: { file: "app.ini", line: 1 } },
    }]);
  });

  test("smart-attach-daemon is split at the first space, with freq behind a comma", () => {
    const { plan } = build("smart-attach-daemon = /tmp/a.pid,5 memcached -d -P /tmp/a.pid");
    const [daemon] = plan.daemons;
    expect(daemon).toMatchObject({ kind: "smart", pidfile: "/tmp/a.pid", freq: 5 });
    expect(daemon?.command.text).toBe("memcached -d -P /tmp/a.pid");
    expect(build("smart-attach-daemon2 = /tmp/a.pid sleep 1").plan.daemons[0]?.kind).toBe("smart2");
  });

  test("smart-attach-daemon without a space is an error", () => {
    const { plan, texts } = build("smart-attach-daemon = /tmp/a.pid");
    expect(plan.daemons).toEqual([]);
    expect(texts[0]).toBe(
      'app.ini:1: cannot use smart-attach-daemon="/tmp/a.pid": it takes "PIDFILE COMMAND", and there is no space in it',
    );
  });

  test("a first word that is no path gets a warning", () => {
    const { texts } = build("smart-attach-daemon = memcached -d");
    expect(texts[0]).toContain('warning: "memcached" is taken for the pidfile');
  });

  test("an empty command and a bad freq are errors", () => {
    expect(build("attach-daemon =").texts[0]).toContain("there is no command");
    expect(build("smart-attach-daemon = /tmp/p,x sleep 1").texts[0]).toContain(
      '"freq" takes a whole number, not "x"',
    );
    expect(build("smart-attach-daemon = ,5 sleep 1").texts[0]).toContain("pidfile is empty");
  });

  test("the order is that of the options, whatever their form", () => {
    const { plan } = build(
      "attach-daemon2 = cmd=a\nattach-daemon = b\nsmart-attach-daemon = /tmp/c c\nattach-control-daemon = d",
    );
    expect(plan.daemons.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
    expect(plan.daemons[3]?.control).toBe(true);
  });

  test("a line with shell syntax goes through the first binsh that can be executed", () => {
    const system = fakeSystem({ ...ORDINARY, "/opt/sh": { mode: 0o755 }, "/opt/text": { mode: 0o644 } });
    const { plan } = build(
      "binsh = /opt/no\nbinsh = /opt/text\nbinsh = /opt/sh\nattach-daemon = a > b",
      system,
    );
    expect(plan.daemons[0]?.command).toEqual({ kind: "shell", text: "a > b", shell: "/opt/sh" });
    expect(build("attach-daemon = a > b").plan.daemons[0]?.command).toMatchObject({ shell: "/bin/sh" });
  });
});

describe("attach-daemon2", () => {
  test("every key and alias", () => {
    const { plan, texts } = build(
      "attach-daemon2 = exec=my.sh a\\,b,freq=3,pidfile=/tmp/my.pid,daemon=1,touch=/a;/b,stop_signal=QUIT," +
        "reload_signal=SIGUSR1,stdin=1,uid=www-data,gid=adm,chdir=/srv,max_throttle=9,notifypid=1,name=mine,stop_timeout=0.5",
    );
    expect(texts).toEqual([]);
    expect(plan.daemons[0]).toMatchObject({
      name: "mine",
      kind: "smart2",
      command: { words: ["my.sh", "a,b"] },
      freq: 3,
      pidfile: "/tmp/my.pid",
      touch: ["/a", "/b"],
      stopSignal: 3,
      reloadSignal: 10,
      stdin: true,
      identity: { uid: 33, gid: 4, groups: [4, 101], user: "www-data" },
      chdir: "/srv",
      maxThrottle: 9,
      notifyPid: true,
      stopTimeout: 0.5,
    });
    expect(plan.daemons[0]?.origins.stopSignal).toEqual({ file: "app.ini", line: 1 });
    expect(plan.daemons[0]?.origins.namespaces).toBeUndefined();
  });

  test("the documented example", () => {
    const { plan, texts } = build(
      "attach-daemon2 = cmd=my_daemon.sh,pidfile=/tmp/my.pid,uid=33,gid=33,stopsignal=3",
    );
    expect(texts).toEqual([]);
    expect(plan.daemons[0]).toMatchObject({ kind: "smart", stopSignal: 3, identity: { uid: 33, gid: 33 } });
  });

  test.each([
    ["uid=1000", 'needs a "command" key'],
    ["cmd=", "there is no command"],
    ["sleep 1000", "write cmd=COMMAND"],
    ["cmd=x,stopsignal=TREM", 'unknown signal "TREM" in stopsignal'],
    ["cmd=x,stopsignal=0", 'unknown signal "0"'],
    ["cmd=x,uid=nobody-here", 'unknown user "nobody-here"'],
    ["cmd=x,gid=nogroup-here", 'unknown group "nogroup-here"'],
    ["cmd=x,daemonize=1", "daemonize needs a pidfile"],
    ["cmd=x,stop_timeout=-1", '"stop_timeout" takes a time in seconds'],
    ["cmd=x,max_throttle=s1", '"max_throttle" takes a whole number, not "s1"'],
    ["cmd=x,pidfile=", "cannot use pidfile: its value is empty"],
    ["cmd=x,name=a b", 'cannot use "a b" as the name of a daemon'],
  ])("%s is an error", (value, expected) => {
    const { diagnostics, texts } = build(`attach-daemon2 = ${value}`);
    expect(texts.join("\n")).toContain(expected);
    expect(diagnostics.hasErrors).toBe(true);
  });

  test("control=0 enables control as in uWSGI, with a warning", () => {
    const { plan, texts } = build("attach-daemon2 = cmd=x,control=0");
    expect(plan.daemons[0]?.control).toBe(true);
    expect(texts[0]).toContain('warning: "control=0" enables control all the same');
  });

  test("control has no effect with a pidfile, with a warning", () => {
    const { plan, texts } = build("attach-daemon2 = cmd=x,control=1,pidfile=/tmp/p");
    expect(plan.daemons[0]?.control).toBe(false);
    expect(texts[0]).toContain("warning: control has no effect");
  });

  test("reloadsignal=0 and max_throttle=0 mean the default", () => {
    const { plan } = build("attach-daemon2 = cmd=x,reloadsignal=0,max_throttle=0");
    expect(plan.daemons[0]).toMatchObject({ reloadSignal: null, maxThrottle: 300 });
  });

  test("all problems are reported, not only the first", () => {
    const { diagnostics } = build(
      "attach-daemon2 = cmd=x,uid=zz,stopsignal=FOO\nattach-daemon =\nuid = nosuch",
    );
    expect(diagnostics.list.filter(({ severity }) => severity === "error")).toHaveLength(4);
  });

  test("no value makes the planner throw", () => {
    const value = fc.array(
      fc.oneof(
        fc.constantFrom("cmd=", "uid=", ",", "pidfile=", "touch=", "stopsignal=", "name=", "=", "\\"),
        fc.string(),
      ),
    ).map((parts) => parts.join(""));
    const option = fc.constantFrom(
      "attach-daemon",
      "smart-attach-daemon",
      "attach-daemon2",
      "hook-asap",
      "env",
      "cap",
      "umask",
    );
    fc.assert(
      fc.property(option, value, (name, text) => void build(`${name} = ${text.replaceAll("\n", " ")}`)),
    );
  });
});

describe("names", () => {
  test("are made of the program and made unique", () => {
    const { plan } = build(
      "attach-daemon = /usr/bin/sleep 1\nattach-daemon = sleep 2\nattach-daemon = A=1 exec sleep $X",
    );
    expect(plan.daemons.map(({ name }) => name)).toEqual(["sleep", "sleep-2", "sleep-3"]);
  });

  test("that were given are kept, and others make way", () => {
    const { plan } = build(
      "attach-daemon = sleep 1\nattach-daemon2 = cmd=x,name=sleep\nattach-daemon2 = cmd=y,name=sleep-2",
    );
    expect(plan.daemons.map(({ name }) => name)).toEqual(["sleep-3", "sleep", "sleep-2"]);
  });

  test("given twice are an error", () => {
    expect(build("attach-daemon2 = cmd=x,name=a\nattach-daemon2 = cmd=y,name=a").texts[0]).toContain(
      'app.ini:2: name "a" is given to more than one daemon',
    );
  });

  test("hold nothing that a file name or a log line may not", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      const { plan } = build(`attach-daemon = ${text.replaceAll("\n", " ")}`);
      for (const { name } of plan.daemons) {
        expect(name).toMatch(/^[\p{L}\p{N}_@][\p{L}\p{M}\p{N}_.@-]*$/u);
        expect(new TextEncoder().encode(name).length).toBeLessThan(130);
      }
    }));
  });

  test("of ten thousand daemons of one program are made in a moment", () => {
    const { plan } = build("attach-daemon = sleep 1\n".repeat(10_000));
    expect(plan.daemons.at(-1)?.name).toBe("sleep-10000");
  });
});

describe("who a daemon runs as", () => {
  test("the instance's user, with the groups of the group file", () => {
    const { plan } = build("uid = roberto\nattach-daemon = x");
    const roberto = { uid: 1000, gid: 1000, groups: [1000, 4, 101], user: "roberto" };
    expect(plan.instance.identity).toMatchObject(roberto);
    expect(plan.daemons[0]?.identity).toMatchObject(roberto);
    expect(plan.daemons[0]?.origins.identity).toEqual({ file: "app.ini", line: 1 });
  });

  test("uid without gid takes the user's primary group", () => {
    expect(build("attach-daemon2 = cmd=x,uid=33").plan.daemons[0]?.identity).toMatchObject({
      uid: 33,
      gid: 33,
      groups: [33, 101],
      user: "www-data",
    });
  });

  test("comes with what a login as that user would set, looked up where the user lives", () => {
    const login = (text: string) => build(text).plan.daemons[0]?.identity?.login;
    expect(login("attach-daemon2 = cmd=x,uid=roberto")).toEqual({
      name: "roberto",
      home: "/home/roberto",
      shell: "/bin/bash",
    });
    expect(login("uid = 33\nattach-daemon2 = cmd=x,gid=4")).toMatchObject({
      name: "www-data",
      home: "/var/www",
    });
    expect(login("attach-daemon2 = cmd=x,uid=4242,gid=4")).toEqual({ name: null, home: "/", shell: null });
    expect(login("attach-daemon2 = cmd=x,gid=4")).toBeUndefined();
    expect(build("user-env = inherit").plan.instance.userEnvironment).toBe("inherit");
    expect(build("user-env = no").texts).toEqual(['app.ini:1: user-env takes "user" or "inherit", not "no"']);
  });

  test("a number without an entry keeps group 0, with a warning", () => {
    const { plan, texts } = build("attach-daemon2 = cmd=x,uid=4242");
    expect(plan.daemons[0]?.identity).toMatchObject({ uid: 4242, gid: 0, groups: [0], user: null });
    expect(texts[0]).toContain("give its gid as well");
  });

  test("a gid alone clears root's supplementary groups", () => {
    expect(build("gid = www-data\nattach-daemon = x").plan.instance.identity).toEqual({
      uid: 0,
      gid: 33,
      groups: [],
      user: "root",
    });
  });

  test("add-gid adds and no-initgroups leaves only what add-gid adds", () => {
    expect(build("uid = roberto\nadd-gid = www-data").plan.instance.identity?.groups).toEqual([
      1000,
      4,
      101,
      33,
    ]);
    expect(build("uid = roberto\nadd-gid = www-data\nno-initgroups").plan.instance.identity?.groups).toEqual([
      33,
    ]);
  });

  test("uid=0 beside another user of the instance is root, with a warning", () => {
    const { plan, texts } = build("uid = www-data\nattach-daemon2 = cmd=x,uid=0,gid=0");
    expect(plan.daemons[0]?.identity?.uid).toBe(0);
    expect(texts[0]).toContain("uid=0 runs this daemon as root");
  });

  test("master-as-root leaves daemons as reeve itself, as uWSGI does", () => {
    const { plan } = build(
      "uid = www-data\nmaster-as-root\nattach-daemon = a\nattach-daemon2 = cmd=b,uid=33",
    );
    expect(plan.daemons.map(({ identity }) => identity?.uid ?? null)).toEqual([null, 33]);
  });

  test("not root: another user is an error, the own one is nothing to change", () => {
    const system = fakeSystem(ORDINARY, { uid: 1000, gid: 1000, groups: [1000, 4] });
    expect(build("attach-daemon2 = cmd=x,uid=33", system).texts[0]).toBe(
      'app.ini:1: cannot run as user "33": reeve is not root, it runs as uid 1000 gid 1000',
    );
    expect(build("gid = adm", system).texts[0]).toContain('cannot run as group "adm": reeve is not root');
    expect(build("add-gid = www-data", system).texts[0]).toContain('cannot add group "www-data"');
    const { plan, texts } = build("uid = roberto\nadd-gid = adm\nattach-daemon = x", system);
    expect(texts).toEqual([]);
    expect(plan.daemons[0]?.identity).toBeNull();
  });
});
