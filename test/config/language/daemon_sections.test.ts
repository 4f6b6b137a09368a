/** The sections [daemon:NAME]: what belongs to one, what its references see, and what sees nothing of it. */
import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { showConfiguration } from "../../../lib/config/language/show.ts";
import type { ConfigDeps } from "../../../lib/config/system/config_deps.ts";
import { memoryWorld } from "./worlds.ts";

interface Loaded {
  /** `KEY = VALUE` by daemon. */
  readonly daemons: Readonly<Record<string, readonly string[]>>;
  readonly options: readonly string[];
  readonly shown: string;
  readonly texts: readonly string[];
}

function load(
  files: Readonly<Record<string, string>>,
  names: readonly string[] = [Object.keys(files)[0] ?? ""],
  changes: Partial<ConfigDeps> = {},
): Loaded {
  const world = memoryWorld(
    Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name === "-" ? name : `/etc/${name}`, text]),
    ),
    changes,
  );
  const found = loadConfiguration([], names.map((name) => ({ name })), world);
  const line = ({ name, value }: { name: string; value: string }): string => `${name} = ${value}`;
  return {
    daemons: Object.fromEntries(found.daemons.map(({ name, settings }) => [name, settings.map(line)])),
    options: found.options.map(line),
    shown: showConfiguration(found.shown),
    texts: found.diagnostics.list.map(formatDiagnostic),
  };
}

const ini = (text: string): Loaded => load({ "a.ini": text });

describe("a section", () => {
  test("has its keys in any spelling, and aliases", () => {
    const { daemons, texts } = ini(
      "[daemon:web]\ncmd = sleep 1\nstop-timeout = 3\nmax_throttle=4\nuser = 1\nenv = A=1\nenv=B = 2\n",
    );
    expect(texts).toEqual([]);
    expect(daemons).toEqual({
      web: [
        "command = sleep 1",
        "stop_timeout = 3",
        "max_throttle = 4",
        "uid = 1",
        "env = A=1",
        "env = B = 2",
      ],
    });
  });

  test("needs no [uwsgi], and may come from stdin", () => {
    const text = "[daemon:web]\ncommand = sleep 1\n";
    expect(ini(text).texts).toEqual([]);
    expect(load({ "-": text }, ["-"]).daemons).toEqual({ web: ["command = sleep 1"] });
    expect(load({ "a.ini": text }, ["a.ini:prod"]).texts).toEqual([
      'a.ini: cannot find section "prod": it has "daemon:web"',
    ]);
  });

  test("counts once, whatever section of its file was asked for, and by whatever name", () => {
    const text =
      "[uwsgi]\nini = :two\nini = ./b.ini\n[two]\nenv = A=1\n[daemon:web]\ncommand = x\nenv = B=1\n";
    const { daemons, options, texts } = load(
      { "a.ini": text, "b.ini": "[uwsgi]\nini = b.ini:x\n[x]\nini = a.ini:two\n[daemon:c]\ncommand = y" },
      ["a.ini", "a.ini:two"],
    );
    expect(texts).toEqual([]);
    expect(options).toEqual(["env = A=1", "env = A=1", "env = A=1"]);
    expect(daemons).toEqual({ web: ["command = x", "env = B=1"], c: ["command = y"] });
  });

  test("of the same name again: what repeats adds up, the last of the others counts, with a note", () => {
    const { daemons, texts } = load({
      "a.ini": "[daemon:web]\ncommand = x\nenv = A=1\nfreq = 3\n[uwsgi]\nini = b.ini\n",
      "b.ini": "[daemon:web]\nfreq = 4\nenv = A=2\n",
    });
    expect(daemons["web"]).toEqual(["command = x", "env = A=1", "freq = 3", "freq = 4", "env = A=2"]);
    expect(texts).toEqual([
      'b.ini:2: note: "freq" of daemon "web" is given again, and the last value counts: it replaces that of a.ini:4',
    ]);
  });

  test("has the defaults that stand above it in its own file, and no other", () => {
    const { daemons } = load({
      "a.ini":
        "[daemon:one]\ncommand = 1\n[daemon:*]\ntag = t\nenv = N=%(name)\n[daemon:two]\ncommand = 2\n" +
        "[daemon:*]\nenv = M=%(env)\n[daemon:three]\ncommand = 3\nini = b.ini\n[uwsgi]\nini = b.ini",
      "b.ini": "[daemon:four]\ncommand = 4",
    });
    expect(daemons).toEqual({
      one: ["command = 1"],
      two: ["tag = t", "env = N=two", "command = 2"],
      three: ["tag = t", "env = N=three", "env = M=N=three", "command = 3"],
      four: ["command = 4"],
    });
  });

  test("that is asked for by name is one of options", () => {
    const { daemons, options } = load({ "a.ini": "[daemon]\nenv = A=1\n[uwsgi]\n" }, ["a.ini:daemon"]);
    expect([daemons, options]).toEqual([{}, ["env = A=1"]]);
    const yaml = load({ "a.yaml": "daemons:\n  env: A=1\n" }, ["a.yaml:daemons"]);
    expect([yaml.daemons, yaml.options]).toEqual([{}, ["env = A=1"]]);
  });
});

describe("in a section", () => {
  test("blocks and placeholders are its own, and a block ends before the next header", () => {
    const { daemons, texts, options } = ini(
      "[uwsgi]\nif-env = NO\n[daemon:a]\nfor = 1 2\nenv = N%(_)=%(x)\nendfor\nset-ph = x=y\nif-env = NO\nfreq = 3\n" +
        "else\nfreq = 4\nend =\ncommand = c\n[daemon:b]\ncommand = %(x)\nfor = 1 2\nenv = A=%(_)\n[uwsgi]\nenv = B=1\nend =",
    );
    expect(daemons).toEqual({
      a: ["env = N1=y", "env = N2=y", "freq = 4", "command = c"],
      b: ["command = %(x)", "env = A=1", "env = A=2"],
    });
    expect(options).toEqual([]);
    expect(texts).toEqual([
      'a.ini:16: "for" is never closed: write "end =" behind its lines',
      'a.ini:15: warning: %(x) in "command" stands for nothing, it is left as it is: write "set-ph = x=VALUE" above it',
    ]);
  });

  test("%(x) is the daemon's own, then the defaults', then what [uwsgi] has at its end", () => {
    const { daemons, texts } = ini(
      "[daemon:*]\nchdir = /d/%(name)\nset-ph = p=defaults\n" +
        "[daemon:a]\ncommand = %(name) %(instance) %(chdir) %(p) %(late) %(stop-timeout)\nstop_timeout = 3\n" +
        "[daemon:b]\nchdir = /own\nset-ph = p=own\ncommand = %(name) %(chdir) %(p) %(late) %(later)\n" +
        "[uwsgi]\nlate = %(later)\nlater = L\n",
    );
    expect(texts).toEqual([]);
    expect(daemons["a"]).toContain("command = a a /d/a defaults L 3");
    expect(daemons["b"]).toContain("command = b /own own L L");
  });

  test("the environment, files and magic are as in [uwsgi]", () => {
    const { daemons } = load(
      {
        "a.ini": "[uwsgi]\nienv = B=2\n[daemon:%n]\ncommand = $(A)$(B) @(t.txt) %n 100%%\n",
        "t.txt": "text\n",
      },
      ["a.ini"],
      { environment: { A: "1" } },
    );
    expect(daemons).toEqual({ a: ["command = 12 text a 100%"] });
  });

  test.each([
    ["x = %q", '2: "%q" is no magic variable: write "%%" for a "%"'],
    ["env = A=5%", '2: a "%" at the end of the line is no magic variable: write "%%" for a "%"'],
    ["stop-timeot = 3", '2: unknown key "stop-timeot" of a daemon: did you mean "stop_timeout"?'],
    [
      "include = b.ini",
      '2: unknown key "include" of a daemon: it is an option of the instance: write it into [uwsgi]',
    ],
    ["chdir /tmp=x", '2: there is no "=" behind "chdir": write "chdir = /tmp=x"'],
    ["directory = /", '2: unknown key "directory" of a daemon: write chdir=DIRECTORY'],
    ["name = x", '2: the name of a daemon stands in its header: "[daemon:NAME]"'],
    ["chdir =", "2: cannot use chdir: its value is empty"],
    [
      "set-ph = chdir=/",
      '2: cannot use "chdir" as a placeholder: it is a key: write "chdir = VALUE", or use another name',
    ],
    ["set-ph = x", '2: cannot set "x": it must be NAME=VALUE'],
  ])("%s is an error", (line, text) => {
    expect(ini(`[daemon:a]\n${line}\ncommand = c`).texts).toContain(`a.ini:${text}`);
  });

  test.each([
    ["[daemon:]", '1: cannot use "" as the name of a daemon: up to 64 letters'],
    ["[daemon:a b]", '1: cannot use "a b" as the name of a daemon: up to 64 letters'],
    ["[daemon:a", '1: section header "[daemon:a" does not end with "]": write "[daemon:a]"'],
    ["[Daemon:a]", '1: warning: section "[Daemon:a]" is ignored: for a daemon write "[daemon:a]"'],
    ["[daemons a]", '1: warning: section "[daemons a]" is ignored: for a daemon write "[daemon:a]"'],
  ])("%s is no good header", (header, text) => {
    const { texts } = ini(`${header}\ncommand = c\n[uwsgi]\n`);
    expect(texts.some((one) => one.startsWith(`a.ini:${text}`))).toBe(true);
  });

  test("a blank around the name is none of it", () => {
    expect(ini("[daemon: a ]\ncommand = c").daemons).toEqual({ a: ["command = c"] });
  });
});

test("what [uwsgi] has is the same with and without sections", () => {
  const lines =
    "strict = true\nif-opt = command\nenv = A=1\nendif =\nif-not-opt = chdir\nenv = B=1\nendif =\n" +
    "log = %(command)\nenv = C=%(name)\n";
  const section = "[daemon:a]\ncommand = c %(log)\nchdir = /\nset-ph = name=x\n";
  const [alone, beside] = [ini(`[uwsgi]\n${lines}`), ini(`[uwsgi]\n${lines}${section}`)];
  expect([beside.options, beside.shown]).toEqual([alone.options, alone.shown]);
  const [unused] = alone.texts.filter((text) => text.includes('"log"'));
  expect(unused).toContain("unknown option");
});

test("the environment sets defaults of keys, and no section", () => {
  const environment = { UWSGI_DAEMON_STOP_TIMEOUT: "3", UWSGI_DAEMON_ENV: "A=1" };
  const { options, daemons, texts } = load({ "a.ini": "[daemon:a]\ncommand = x\n" }, ["a.ini"], {
    environment,
  });
  expect([options, daemons, texts]).toEqual([
    ["daemon-stop-timeout = 3", "daemon-env = A=1"],
    { a: ["command = x"] },
    [],
  ]);
});

test("a key of a daemon among the options is told its place", () => {
  expect(ini("[uwsgi]\nstop-timeout = 3\nset-ph = freq=1\n").texts).toEqual([
    'a.ini:2: warning: unknown option "stop-timeout": it is a key of a daemon: write it into [daemon:NAME], ' +
    'or "daemon-stop-timeout = VALUE" for all daemons',
  ]);
  expect(ini("[uwsgi]\nfreq = 3\nenv = A=%(freq)\n").texts).toEqual([]);
});

describe("the other formats", () => {
  const expected = {
    web: ["tag = t", "command = sleep 1", "env = A=1", "env = B=web", "control = 1", "stop_timeout = 5"],
    other: ["tag = t", "command = x"],
  };

  test("YAML has daemons beside uwsgi, variables as a list or a mapping, and aliases", () => {
    const text =
      "uwsgi:\n  env: X=1\ndaemons:\n  '*': {tag: t}\n  web:\n    command: sleep 1\n    env: [A=1, 'B=%(name)']\n" +
      "    control: 1\n    stop-timeout: 5\n  other: {command: x}\n";
    expect(load({ "a.yaml": text })).toMatchObject({ daemons: expected, options: ["env = X=1"], texts: [] });
    const mapped = text.replace("[A=1, 'B=%(name)']", "{A: 1, B: '%(name)'}");
    expect(load({ "a.yml": mapped })).toMatchObject({ daemons: expected, texts: [] });
    const aliased = "daemons:\n  a: &a {command: x}\n  b: *a\n";
    expect(load({ "a.yaml": aliased }).daemons).toEqual({ a: ["command = x"], b: ["command = x"] });
  });

  test("JSON has the same", () => {
    const daemons = {
      "*": { tag: "t" },
      web: { command: "sleep 1", env: ["A=1", "B=%(name)"], control: true, stop_timeout: 5 },
      other: { command: "x" },
    };
    expect(load({ "a.json": JSON.stringify({ daemons }) })).toMatchObject({ daemons: expected, texts: [] });
  });

  test("XML has <daemon> beside <uwsgi>", () => {
    const text = '<reeve>\n<daemon name="*"><tag>t</tag></daemon>\n<uwsgi><env>X=1</env></uwsgi>\n' +
      '<daemon name="web"><command>sleep 1</command><env>A=1</env><env>B=%(name)</env><control/>' +
      '<stop-timeout>5</stop-timeout></daemon>\n<daemon name="other"><command>x</command></daemon></reeve>\n';
    expect(load({ "a.xml": text })).toMatchObject({ daemons: expected, options: ["env = X=1"], texts: [] });
  });

  test.each([
    ["a.yaml", "daemons:\n  - x\n", '1: the value of "daemons" must be a mapping of daemons by name'],
    ["a.yaml", "daemons:\n  a: x\n", '2: the value of daemon "a" must be a mapping of its keys'],
    [
      "a.yaml",
      "daemons:\n  a: {chdir: {b: c}}\n",
      '2: the value of "chdir" of daemon "a" is not a scalar or a list of scalars',
    ],
    [
      "a.yaml",
      "uwsgi:\n  env: A=%q\ndaemons:\n  a:\n    command: c %q\n",
      '5: "%q" is no magic variable: write "%%" for a "%"',
    ],
    [
      "a.json",
      '{"daemons": {"a": {"freq": 1.5}}}',
      '1: the value of "freq" of daemon "a" is not a scalar or a list of scalars',
    ],
    [
      "a.xml",
      "<r><daemon><command>c</command></daemon></r>",
      '1: a <daemon> needs a name: write <daemon name="NAME">',
    ],
    [
      "a.xml",
      '<r>\n<daemon name="a">sleep 1</daemon></r>',
      '2: cannot use the text "sleep 1": it is in no element',
    ],
    [
      "a.xml",
      '<r><daemon name="a"><env><A>1</A></env></daemon></r>',
      '1: element "A" inside "env": an element of a daemon holds its value alone',
    ],
    [
      "a.xml",
      '<uwsgi><daemon name="a"/></uwsgi>',
      "1: a <daemon> stands beside <uwsgi>, and not in it: put both into one root",
    ],
  ])("%s: %s is an error", (file, text, error) => {
    expect(load({ [file]: text }).texts).toContain(`${file}:${error}`);
  });
});

describe("hostile files end", () => {
  /** Long before the test's own limit: whatever grows with the square takes minutes. */
  const bounded = (name: string, body: () => void): void => test(name, body, 30_000);

  bounded("with a million keys of all daemons together, in an error", () => {
    const repeated = Array.from(
      { length: 20 },
      (_, at) => `[daemon:d${at}]\nfor-times = 90000\nenv = A=%(_)\nend =\n`,
    );
    expect(() => ini(repeated.join(""))).toThrow("1000000 keys of daemons are the most");
    const defaults = `[daemon:*]\nfor-times = 90000\nenv = A=%(_)\nend =\n`;
    const many = Array.from({ length: 20 }, (_, at) => `[daemon:d${at}]\ncommand = x\n`);
    expect(() => ini(defaults + many.join(""))).toThrow("1000000 keys of daemons are the most");
  });

  bounded("with many headers and many lines of one daemon", () => {
    const headers = "[daemon:*]\ntag = a\n[daemon:a]\nfreq = 3\nenv = A=1\n".repeat(40_000);
    const { daemons, texts } = ini(`${headers}command = x\nfreq = 4\n`);
    expect(daemons["a"]).toHaveLength(120_002);
    expect(texts).toEqual([expect.stringContaining('"freq" of daemon "a" is given again')]);
    expect(Object.keys(ini("[daemon:a]\n".repeat(300_000)).daemons)).toEqual(["a"]);
  });

  bounded("with references that double", () => {
    const lines = Array.from({ length: 40 }, (_, at) => `set-ph = p${at + 1}=%(p${at})%(p${at})`);
    expect(() => ini(`[daemon:a]\nset-ph = p0=xxxxxxxx\n${lines.join("\n")}\ncommand = %(p40)\n`)).toThrow(
      "longer than",
    );
    expect(ini("[daemon:a]\nset-ph = a=%(b)\nset-ph = b=%(a)\ncommand = %(a)\n").texts[0]).toContain(
      "it refers to itself",
    );
  });
});
