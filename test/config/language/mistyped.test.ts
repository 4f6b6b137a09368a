import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { DAEMON_KEYS, findKey } from "../../../lib/config/options/daemon_keys.ts";
import { insteadOfKey, insteadOfOption } from "../../../lib/config/values/foreign_words.ts";
import { findOption, isKnownOption } from "../../../lib/config/options/option_table.ts";
import { build } from "../build/fake_system.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { memoryWorld } from "./worlds.ts";

function messages(text: string, name = "a.ini"): string[] {
  const world = memoryWorld({ [`/etc/${name}`]: text });
  return loadConfiguration([], [{ name }], world).diagnostics.list.map(formatDiagnostic);
}

describe("a line whose name is no option", () => {
  test.each([
    [
      "attach-daemon sleep 1",
      '"attach-daemon" has no value: there is no "=" in it: write "attach-daemon = sleep 1"',
    ],
    ["env A=1", '"env" has no value: there is no "=" in it: write "env = A=1"'],
    ["chdir: /", '"chdir" has no value: ":" stands where "=" is wanted: write "chdir = /"'],
    [
      "attach-daemon: x --a=1",
      '"attach-daemon" has no value: ":" stands where "=" is wanted: write ' +
      '"attach-daemon = x --a=1"',
    ],
    [
      "attach-daemon x --password a",
      '"attach-daemon" has no value: there is no "=" in it: write ' +
      '"attach-daemon = x --password [hidden]"',
    ],
    ["command = x", 'unknown option "command": write attach-daemon = COMMAND'],
    ["Attach_Daemon = x", 'unknown option "Attach_Daemon": did you mean "attach-daemon"?'],
    ["nothing like it = x", 'unknown option "nothing like it", and nothing refers to it'],
  ])("%s", (line, message) => {
    expect(messages(`[uwsgi]\n${line}\n`)).toEqual([`a.ini:2: warning: ${message}`]);
  });
});

describe("a section that is not there", () => {
  test.each([
    ["[UWSGI]\n", 'it has "UWSGI", and upper and lower case differ: write "[uwsgi]"'],
    ["[uswgi]\n", 'it has "uswgi": write "[uwsgi]"'],
    ["[app]\n", 'it has "app": write "[uwsgi]", or name the section behind the file: FILE:app'],
    [
      "[Unit]\n[Service]\nExecStart=x\n",
      'it has "Unit", "Service", as a file of systemd has: write "[daemon:NAME]" for each ' +
      'daemon, and below it a line "command = COMMAND"',
    ],
    ["", 'it is empty: write "[uwsgi]" and below it a line "attach-daemon = COMMAND" for each daemon'],
    ['{"uwsgi": {}}', 'it is read as INI and looks like JSON: give the file a name that ends in ".json"'],
    [
      "uwsgi:\n  chdir: /\n",
      'it is read as INI and looks like YAML: give the file a name that ends in ".yaml"',
    ],
    ["<uwsgi></uwsgi>", 'it is read as INI and looks like XML: give the file a name that ends in ".xml"'],
  ])("%j", (text, why) => {
    expect(messages(text)).toEqual([`a.ini: cannot find section "uwsgi": ${why}`]);
  });

  test.each([
    ["chdir: /\n", 'it has "chdir": put the options under the key "uwsgi", indented'],
    [
      "services:\n  web: {}\n",
      'it has "services", as a file of Docker Compose has: put daemons by name under "daemons"',
    ],
    ["uWSGI:\n  chdir: /\n", 'it has "uWSGI": write "uwsgi"'],
  ])("in YAML: %j", (text, why) => {
    expect(messages(text, "a.yaml")).toEqual([`a.yaml: cannot find section "uwsgi": ${why}`]);
  });
});

test("a comma too many in JSON is named with its line, and none in a string is", () => {
  expect(messages('{"uwsgi": {\n"env": "A=,]",\n}}', "a.json")).toEqual([
    'a.json:2: cannot read this as JSON: the "," before "}" is one too many: leave it out',
  ]);
});

test("a placeholder that stands for nothing is named, and Python's formats are left alone", () => {
  expect(messages("[uwsgi]\nchdir = /a/%(no)/b\nattach-daemon = x '%(asctime)s %(levelno)03d' -f %(name)s\n"))
    .toEqual([
      'a.ini:2: warning: %(no) in "chdir" stands for nothing, it is left as it is: write "no = VALUE" on a line of its own',
    ]);
});

test("a boolean that is none is named", () => {
  expect(messages("[uwsgi]\nvacuum = yess\nvacuum = 2\nvacuum = OFF\nvacuum =\n")).toEqual([
    'a.ini:2: warning: "vacuum" is on, whatever "yess" means: write "vacuum = true", or false',
  ]);
  expect(build("attach-daemon2 = cmd=a,control=ja").texts).toEqual([
    'app.ini:1: warning: "control" is on, whatever "ja" means: write "control=1", or leave the key out',
  ]);
});

test("keys that are separated by a semicolon are named, those of a shell's line perhaps", () => {
  expect(build("attach-daemon2 = name=x;cmd=sleep 1").texts).toEqual([
    'app.ini:1: keys are separated by ",", and not by ";": write "name=x,cmd=sleep 1"',
  ]);
  expect(build("attach-daemon2 = cmd=sleep 1;uid=33").texts).toEqual([
    'app.ini:1: warning: keys are separated by ",", and not by ";": write "command=sleep 1,uid=33", ' +
    "unless it is for the shell",
  ]);
  expect(build("attach-daemon2 = cmd=cd /x; A=1 exec y,touch=/a;/b").texts).toEqual([]);
});

describe("words of other supervisors", () => {
  test("are answered by what serves in their place, and not by the comma's escape", () => {
    for (
      const word of [
        "restart",
        "after",
        "environment",
        "logto",
        "limit-as",
        "username",
        "directory",
        "healthcheck",
      ]
    ) {
      const [text = ""] = build(`attach-daemon2 = cmd=a,${word}=1`).texts;
      expect(text).toBe(`app.ini:1: unknown key "${word}": ${insteadOfKey(word)}`);
      expect(text).not.toContain("\\,");
    }
    expect(build("attach-daemon2 = cmd=a --b 1,c=2").texts[0]).toContain('write "\\,"');
  });

  test("are none of ours, and what serves is", () => {
    const own = new Set(DAEMON_KEYS.flatMap(({ key, aliases = [] }) => [key, ...aliases]));
    expect([...own].filter((key) => insteadOfKey(key) !== null)).toEqual([]);
    expect(
      ["command", "user", "logfile"].filter((name) => insteadOfOption(name) === null || isKnownOption(name)),
    )
      .toEqual([]);
    for (
      const word of [
        "restart",
        "once",
        "after",
        "environment",
        "log",
        "mem",
        "nproc",
        "cpu",
        "nice",
        "umask",
        "username",
        "pid",
      ]
    ) {
      const instead = insteadOfKey(word) ?? "";
      const options = [...instead.matchAll(/([a-z-]+) = /g)].map(([, name = ""]) => name);
      const keys = [...instead.matchAll(/([a-z_]+)=/g)].map(([, name = ""]) => name);
      expect(options.filter((name) => name !== "for" && findOption(name) === null)).toEqual([]);
      expect(keys.filter((name) => findKey(name) === null)).toEqual([]);
    }
  });
});
