/** Daemons of sections, the defaults of an instance, and the keys that both have. */
import { describe, expect, test } from "bun:test";
import { Diagnostics, formatDiagnostic } from "../../../../lib/config/diagnostic.ts";
import { noteDifferences } from "../../../../lib/config/check/differences.ts";
import { buildPlan } from "../../../../lib/config/build/build_plan.ts";
import { loadConfiguration } from "../../../../lib/config/language/load.ts";
import { DEFAULT_KEYS, defaultOption } from "../../../../lib/config/options/daemon_keys.ts";
import { findOption, isUwsgiOption } from "../../../../lib/config/options/option_table.ts";
import { memoryWorld } from "../../language/worlds.ts";
import { build, fakeSystem } from "../fake_system.ts";

function planOf(text: string) {
  const found = loadConfiguration([], [{ name: "a.ini" }], memoryWorld({ "/etc/a.ini": text }));
  const { options, files, daemons: sections, diagnostics } = found;
  const built = new Diagnostics();
  built.list.push(...diagnostics.list);
  const plan = buildPlan(options, files, fakeSystem(), built, { entrypoint: null, asked: "a.ini", sections });
  return { plan, daemons: plan.daemons, texts: built.list.map(formatDiagnostic) };
}

describe("a daemon of a section", () => {
  test("is what attach-daemon2 makes of the same keys", () => {
    const { daemons, texts } = planOf(
      "[daemon:web]\ncommand = sleep 1, 2\npidfile = /run/x.pid\ndaemonize = 1\nstopsignal = QUIT\nuid = www-data\n" +
        "touch = /a;/b\ntouch = /c\nns = net\nns = ipc\nkeep = /dev/shm\ncaps = none\ncaps = chown;kill\nfreq = 3\n",
    );
    const line = build(
      "attach-daemon2 = name=web,cmd=sleep 1\\, 2,pidfile=/run/x.pid,daemonize=1,stopsignal=QUIT,uid=www-data," +
        "touch=/a;/b;/c,ns=net,ns=ipc,keep=/dev/shm,caps=chown;kill,freq=3",
    );
    expect(texts.join("\n")).toBe(line.texts.join("\n"));
    const [written] = line.plan.daemons;
    expect(JSON.stringify(withoutPlaces(daemons[0]))).toBe(
      JSON.stringify({ ...withoutPlaces(written) as object, option: "section" }),
    );
  });

  test("comes behind the lines, and switches mean what they say", () => {
    const { daemons } = planOf(
      "[daemon:*]\ncontrol = yes\n[daemon:a]\ncommand = x\ncontrol = no\n[daemon:b]\ncommand = y\n" +
        "[uwsgi]\nattach-daemon = x\nattach-daemon2 = cmd=z,control=0\n",
    );
    expect(daemons.map(({ name, control }) => [name, control])).toEqual([
      ["x", false],
      ["z", true],
      ["a", false],
      ["b", true],
    ]);
  });

  test("may not have the name of another, and both lines are named", () => {
    const { texts } = planOf("[uwsgi]\nattach-daemon2 = cmd=x,name=web\n[daemon:web]\ncommand = y\n");
    expect(texts).toEqual([
      'a.ini:3: name "web" is given to more than one daemon: another has it at a.ini:2',
    ]);
    expect(
      planOf("[uwsgi]\nattach-daemon = web\n[daemon:web]\ncommand = y\n").daemons.map(({ name }) => name),
    )
      .toEqual(["web-2", "web"]);
  });

  test("needs a command, and takes no file for daemonize", () => {
    const { texts, daemons } = planOf(
      "[daemon:a]\ndaemonize = /var/log/a\n[daemon:b]\ncommand = x\ndaemonize = /l\n",
    );
    expect(daemons.map(({ name }) => name)).toEqual(["b"]);
    expect(texts.filter((text) => text.includes("in a section it is a switch"))).toHaveLength(2);
    expect(texts).toContain('a.ini:1: [daemon:a] needs a "command" key');
  });

  test("is chosen by only-daemons", () => {
    const text = "[daemon:a]\ncommand = x\n[daemon:b]\ncommand = y\n[daemon:cache]\ncommand = z\n[uwsgi]\n";
    const names = (options: string) => planOf(`${text}${options}`).daemons.map(({ name }) => name);
    expect(names("only-daemons = cache a")).toEqual(["a", "cache"]);
    expect(names("only-daemons = a\nonly-daemons = b\nattach-daemon = w")).toEqual(["w", "a", "b"]);
    expect(planOf(`${text}only-daemons = cach`).texts).toEqual([
      'a.ini:8: only-daemons names "cach", and there is no such section: did you mean "cache"?',
    ]);
  });

  test("is a difference from uWSGI that a check names, and meets no other", () => {
    const { plan } = planOf(
      "[daemon:a]\ncommand = x\npidfile = /run/x.pid\nuid = www-data\n[daemon:b]\ncommand = y\n",
    );
    const diagnostics = new Diagnostics();
    noteDifferences(
      plan,
      [{ name: "die-on-term", value: "1", origin: { file: "a.ini", line: 9 } }],
      diagnostics,
    );
    expect(diagnostics.list.map(formatDiagnostic)).toEqual([
      'a.ini:1: note: difference 55: daemon "a" and 1 more of sections [daemon:NAME] are reeve\'s alone; uWSGI passes them over',
    ]);
  });

  test("a wrong default is said once", () => {
    const { texts } = planOf(
      "[daemon:*]\nstopsignal = NO\n[daemon:a]\ncommand = x\n[daemon:b]\ncommand = y\n",
    );
    expect(texts).toEqual([expect.stringContaining('a.ini:2: unknown signal "NO"')]);
  });
});

describe("the defaults of an instance", () => {
  test("there is one for every key but the name, and uWSGI has none of them", () => {
    for (const { key, aliases = [] } of DEFAULT_KEYS) {
      for (const name of [key, ...aliases].flatMap((one) => [`daemon-${one}`, defaultOption(one)])) {
        expect([name, findOption(name)?.name]).toEqual([name, defaultOption(key)]);
        expect(isUwsgiOption(name)).toBe(false);
      }
    }
    expect(findOption("daemon-name")).toBeNull();
    expect(isUwsgiOption("only-daemons")).toBe(false);
  });

  test("reach every daemon, and are replaced by what it says itself; what repeats adds up", () => {
    const { daemons, texts } = planOf(
      "[uwsgi]\ndaemon-stop-timeout = 9\ndaemon-env = A=1;2\ndaemon-env = B=1\ndaemon-control = true\n" +
        "attach-daemon = x\nattach-daemon2 = cmd=y,stop_timeout=1,env=B=2;C=3\nsmart-attach-daemon2 = /p z\n" +
        "[daemon:*]\nstop-timeout = 8\nenv = B=3\n[daemon:w]\ncommand = w\ncontrol = 0\n",
    );
    expect(texts).toEqual([]);
    expect(daemons.map(({ name, stopTimeout, control, environment }) => [
      name,
      stopTimeout,
      control,
      environment.map((one) => `${one.name}=${one.value}`).join(" "),
    ])).toEqual([
      ["x", 9, false, "A=1;2 B=1"],
      ["y", 1, true, "A=1;2 B=2 C=3"],
      ["z", 9, false, "A=1;2 B=1"],
      ["w", 8, false, "A=1;2 B=3"],
    ]);
    expect(daemons[0]?.origins.stopTimeout).toEqual({ file: "a.ini", line: 2 });
  });

  test("make no plain line another kind", () => {
    const { daemons } = planOf(
      "[uwsgi]\ndaemon-pidfile = /p\ndaemon-legion = l\ndaemon-command = c\nattach-daemon = x\n",
    );
    expect(daemons).toMatchObject([{ kind: "dumb", pidfile: null, legion: null, command: { text: "x" } }]);
  });

  test("reach the command behind --", () => {
    const diagnostics = new Diagnostics();
    const option = {
      name: "daemon-stop-timeout",
      value: "7",
      origin: { file: "--daemon-stop-timeout", line: 0 },
    };
    const plan = buildPlan([option], [], fakeSystem(), diagnostics, {
      entrypoint: ["sleep", "a b"],
      asked: "",
    });
    expect(plan.daemons).toMatchObject([
      {
        option: "entrypoint",
        stopTimeout: 7,
        stdin: true,
        control: true,
        command: { words: ["sleep", "a b"] },
      },
    ]);
  });
});

describe("env, tag and startup", () => {
  test("are keys of attach-daemon2 as well, joined by ;", () => {
    const { plan, texts } = build(
      'attach-daemon2 = cmd=x,env=A=1;B="c;d",env=A=2,tag=a b;c,startup=disabled,user=1,group=2',
    );
    expect(texts).toEqual([]);
    expect(plan.daemons).toMatchObject([{
      environment: [{ name: "A", value: "2" }, { name: "B", value: "c;d" }],
      tags: ["a", "b", "c"],
      startup: "disabled",
      identity: { uid: 1, gid: 2 },
    }]);
  });

  test.each([
    ["env=A", 'cannot use env "A": it takes NAME=VALUE'],
    ["env==1", 'cannot use env "=1": it takes NAME=VALUE'],
    ["tag=@a", 'cannot use tag "@a": a tag is up to 64 letters, digits and _ . -'],
    ["tag=", "cannot use tag: its value is empty"],
    ["startup=no", 'cannot use startup "no": it takes "enabled" or "disabled"'],
  ])("%s is an error", (item, text) => {
    expect(build(`attach-daemon2 = cmd=x,${item}`).texts).toEqual([`app.ini:1: ${text}`]);
  });
});

function withoutPlaces(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, part) => /^origins?$/.test(key) ? undefined : part));
}
