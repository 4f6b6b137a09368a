import { describe, expect, test } from "bun:test";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { ConfigError, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { type Configuration, loadConfiguration } from "../../../lib/config/language/load.ts";
import { formatOrigin } from "../../../lib/config/origin.ts";
import type { ConfigDeps } from "../../../lib/config/system/config_deps.ts";
import { memoryWorld } from "./worlds.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

function load(words: readonly string[], files: Files, changes: Partial<ConfigDeps> = {}): Configuration {
  const { options, files: named } = parseCommandLine(words);
  return loadConfiguration(options, named, memoryWorld(files, changes));
}

/** Loads /etc/a.ini with `text` under [uwsgi], from line 2 on. */
function loadText(text: string, files: Files = {}, changes: Partial<ConfigDeps> = {}): Configuration {
  return load(["a.ini"], { ...files, "/etc/a.ini": `[uwsgi]\n${text}` }, changes);
}

function messages(found: Configuration): string[] {
  return found.diagnostics.list.map(formatDiagnostic);
}

function fatal(action: () => unknown): string[] {
  try {
    action();
  } catch (problem) {
    if (problem instanceof ConfigError) return problem.diagnostics.map(formatDiagnostic);
    throw problem;
  }
  return [];
}

function options(found: Configuration): string[] {
  return found.options.map(({ name, value, origin }) => `${formatOrigin(origin)} ${name}=${value}`);
}

describe("the options for the plan", () => {
  test("have canonical names, their own lines, and no placeholders", () => {
    const found = loadText("base = /srv\nchdir = %(base)\nlogdate = %%Y\nwait-iface = eth0\n");
    expect(options(found)).toEqual([
      "a.ini:3 chdir=/srv",
      "a.ini:4 log-date=%Y",
      "a.ini:5 wait-for-interface=eth0",
    ]);
    expect(messages(found)).toEqual([]);
  });

  test("come from the environment, then the command line, then files", () => {
    const found = load(["a.ini", "--env", "C=1"], { "/etc/a.ini": "[uwsgi]\nenv = F=1\n" }, {
      environment: { UWSGI_ENV: "E=1", HOME: "/root" },
    });
    expect(options(found)).toEqual(["environment env=E=1", "--env env=C=1", "a.ini:2 env=F=1"]);
  });

  test("hold what a declared option stands for, where it is used", () => {
    const found = loadText(
      "declare-option = mem=attach-daemon=memcached -p $1\nport = 1\nmem = %(port)\nchdir = /\n",
    );
    expect(options(found)).toEqual(["a.ini:4 attach-daemon=memcached -p 1", "a.ini:5 chdir=/"]);
  });

  test("leave out the options of an application server, with one note for all", () => {
    const found = loadText("socket = :1\nchdir = /\nprocesses = 2\nsocket = :2\nlog-format = %(addr)\n");
    expect(options(found)).toEqual(["a.ini:3 chdir=/"]);
    expect(messages(found)).toEqual([
      'note: skipped, as options of an application server: "socket" (a.ini:2), "processes" (:4), "log-format" (:6)',
    ]);
  });

  test("have log-format where it asks for one of reeve's formats", () => {
    expect(options(loadText("log-format = json\n"))).toEqual(["a.ini:2 log-format=json"]);
  });

  test("of a part that is not built are errors", () => {
    expect(messages(loadText("cgroup = /sys/fs/cgroup/a\nno-server\n"))).toEqual([
      'a.ini:2: option "cgroup" needs control groups, which this version does not have',
      'a.ini:3: option "no-server" needs a start that ends before its daemons, which this version does not have',
    ]);
  });
});

describe("an unknown name", () => {
  test("is a warning with the nearest name", () => {
    expect(messages(loadText("attach-deamon = x\n"))).toEqual([
      'a.ini:2: warning: unknown option "attach-deamon": did you mean "attach-daemon"?',
    ]);
  });

  test("is no mistake when a placeholder, a sum, if-opt or get names it", () => {
    const text =
      "aa1 = 1\nbb1 = 2\ncc1 = 3\nchdir = /%(aa1)%(bb1 + 1)\nif-opt = cc1=3\nget = dd1\nendif =\ndd1 = 4\n";
    expect(messages(loadText(text))).toEqual([]);
  });

  test("is no mistake when it is set as a placeholder", () => {
    expect(messages(loadText("set-ph = attach-deamon=1\nset-placeholder = x1=2\n"))).toEqual([]);
  });

  test("of reeve alone may be a placeholder or a declared option, as in uWSGI", () => {
    const found = loadText(
      "set-ph = run-dir=/srv\ndeclare-option = vars=env=A=$1\nvars = %(run-dir)\nset-ph = chdir=/\n",
    );
    expect(messages(found)).toEqual([
      'a.ini:5: cannot use "chdir" as a placeholder: it is an option; use another name, or "set"',
    ]);
    expect(found.options.map(({ name, value }) => `${name} = ${value}`)).toEqual(["env = A=/srv"]);
  });

  test("is an error in strict mode, also above that line and when it is used", () => {
    expect(messages(loadText("port = 1\nstrict = true\nchdir = /%(port)\n"))).toEqual([
      expect.stringMatching(/^a.ini:2: unknown option "port"/),
    ]);
    expect(loadText("port = 1\nstrict = false\nchdir = /%(port)\n").diagnostics.hasErrors).toBeFalse();
  });

  test("in a loop is reported once", () => {
    expect(messages(loadText("for-times = 50\nxyzzy-plugh = %(_)\nendfor =\n"))).toHaveLength(1);
  });
});

describe("files", () => {
  test("of any kind may be named with a section", () => {
    const found = load(["a.ini:one", "--include", "b.conf:two"], {
      "/etc/a.ini": "[one]\nchdir = /a\ninherit = :three\n[three]\numask = 3\n",
      "/etc/b.conf": "[two]\nchdir = /b\n",
    });
    expect(options(found)).toEqual(["b.conf:2 chdir=/b", "a.ini:2 chdir=/a", "a.ini:5 umask=3"]);
    expect(found.files).toEqual(["b.conf", "a.ini"]);
  });

  test(":SECTION means the file being read, whatever was included before", () => {
    const found = loadText("include = b.ini\nini = :more\n[more]\nchdir = /%s\n", {
      "/etc/b.ini": "[uwsgi]\numask = 1\n",
    });
    expect(options(found)).toEqual(["b.ini:2 umask=1", "a.ini:5 chdir=/a.ini"]);
  });

  test("from stdin are read once, for any number of sections", () => {
    let reads = 0;
    const readFile = (path: string): Uint8Array => {
      expect(path).toBe("-");
      reads++;
      return new TextEncoder().encode("[uwsgi]\nchdir = /\nini = :x\n[x]\numask = 1\n");
    };
    expect(options(load(["-"], {}, { readFile }))).toEqual(["<stdin>:2 chdir=/", "<stdin>:5 umask=1"]);
    expect(reads).toBe(1);
  });

  test("that are injected keep their own lines", () => {
    const found = load(["--inject-before", "h.txt", "--inject-after", "t.txt", "--ini", "a.ini"], {
      "/etc/h.txt": "[uwsgi]\nenv = H=1\n",
      "/etc/a.ini": "env = A=1\n",
      "/etc/t.txt": "\nenv = T=1",
    });
    expect(options(found)).toEqual(["h.txt:2 env=H=1", "a.ini:1 env=A=1", "t.txt:2 env=T=1"]);
  });

  test("of the other formats have lines too", () => {
    const found = load(["a.yaml", "b.json", "c.xml"], {
      "/etc/a.yaml": "# x\nuwsgi:\n  env:\n    - A=1\n    - B=1\n  chdir: /a\n",
      "/etc/b.json": '{\n"uwsgi": {\n"env": ["A=1",\n"B=1"],\n"chdir": "/b"}}\n',
      "/etc/c.xml": "<uwsgi>\n<env>A=1</env>\n\n<chdir>/c</chdir></uwsgi>\n",
    });
    expect(options(found)).toEqual([
      "a.yaml:4 env=A=1",
      "a.yaml:5 env=B=1",
      "a.yaml:6 chdir=/a",
      "b.json:3 env=A=1",
      "b.json:4 env=B=1",
      "b.json:5 chdir=/b",
      "c.xml:2 env=A=1",
      "c.xml:4 chdir=/c",
    ]);
  });

  test("that read each other are an error that names the cycle", () => {
    const found = load(["a.ini"], {
      "/etc/a.ini": "[uwsgi]\ninherit = b.ini\n",
      "/etc/b.ini": "[uwsgi]\ninherit = /etc/a.ini\n",
    });
    expect(messages(found)).toEqual([
      'b.ini:2: cannot read "/etc/a.ini": it reads itself: "a.ini:uwsgi" > "b.ini:uwsgi" > "/etc/a.ini:uwsgi"',
    ]);
  });

  test("may read another section of theirs, and the same file twice", () => {
    const found = loadText("ini = :x\nini = :x\n[x]\nenv = X=1\n");
    expect(messages(found)).toEqual([]);
    expect(options(found)).toHaveLength(2);
  });
});

describe("bad input", () => {
  test("is reported all at once", () => {
    const found = loadText("include = no.ini\nfor-times = x\nend =\nset = y\nchdir = @(no.txt)\n");
    expect(messages(found)).toEqual([
      'a.ini:2: cannot read "no.ini": no such file or directory (relative to "/etc")',
      'a.ini:3: for-times takes a number, not "x"',
      'a.ini:5: cannot set "y": it must be NAME=VALUE',
      'a.ini:6: cannot read "no.txt": no such file or directory (relative to "/etc")',
    ]);
  });

  test("such as a section that is not there names those that are", () => {
    expect(messages(load(["a.ini:ap"], { "/etc/a.ini": "[uwsgi]\n[app]\n" }))).toEqual([
      'a.ini: cannot find section "ap": it has "uwsgi", "app"',
    ]);
  });

  test("such as a directory for a file is named", () => {
    expect(messages(load(["d"], { "/etc/d/x.ini": "" }))).toEqual([
      'cannot read "d": it is a directory, a file is needed',
    ]);
  });

  test("such as a NUL is refused where it is used", () => {
    expect(messages(loadText("chdir = /a\0b\n; no\0matter\n"))).toEqual([
      "a.ini:2: cannot use this line: it contains a NUL byte: remove it",
    ]);
    expect(messages(loadText("chdir = @(x)\n", { "/etc/x": "a\0b" }))).toEqual([
      'a.ini:2: cannot use the content of "x": it contains a NUL byte',
    ]);
  });

  test("such as a line of 10 MB is refused", () => {
    const found = loadText(`chdir = ${"x".repeat(10 << 20)}\numask = 022\n`);
    expect(messages(found)).toEqual([
      "a.ini:2: cannot use this line: it has 10485768 characters, 1048576 is the most",
    ]);
    expect(options(found)).toEqual(["a.ini:3 umask=022"]);
  });

  test("such as bytes that are no UTF-8 is refused in a value, and not in a comment", () => {
    const bytes = Buffer.from("[uwsgi]\n; gr\xfcn\nchdir = /gr\xfcn\n", "latin1");
    expect(messages(load(["a.ini"], { "/etc/a.ini": bytes }))).toEqual([
      "a.ini:3: cannot use this line: it is not valid UTF-8: convert the file",
    ]);
  });

  test("such as a loop without end stops at the most options", () => {
    const text = "for-times = 1000000\nenv = A=%(_)\nenv = B=%(_)\nendfor =\n";
    expect(fatal(() => loadText(text)).at(-1)).toBe("a.ini:3: cannot read on: 1000000 options are the most");
  });

  test("such as values that double is stopped", () => {
    const lines = Array.from({ length: 40 }, (_, index) => `a${index} = x%(a${index + 1})%(a${index + 1})\n`);
    const found = fatal(() => loadText(`${lines.join("")}a40 = y\n`));
    expect(found.at(-1)).toContain("cannot expand this value: it becomes longer than");
  });

  test("such as a chain of a thousand references is stopped", () => {
    const lines = Array.from({ length: 1000 }, (_, index) => `a${index} = %(a${index + 1})\n`);
    expect(fatal(() => loadText(lines.join(""))).at(-1)).toContain(
      "references are nested more than 100 deep",
    );
  });
});

test("what somebody counts on to run by itself is named in a warning of its own", () => {
  const found = loadText(
    "cron = 0 3 -1 -1 -1 backup\nmule = m.py\nmaster = true\nunique-cron = -1 -1 -1 -1 -1 x\ncron-harakiri = 9\n",
  );
  expect(messages(found).slice(0, 3)).toEqual([
    'warning: will not run: "cron" (a.ini:2), "unique-cron" (:5): let cron or a systemd timer run them',
    'warning: will not run: "mule" (a.ini:3): a program that must run needs an attach-daemon of its own',
    'note: skipped, as options of an application server: "cron-harakiri" (a.ini:6)',
  ]);
});

test("what reeve does in any case needs no word, unless it is refused", () => {
  expect(messages(loadText("master = true\ndie-on-term =\nno-orphans = 1\n"))).toEqual([]);
  expect(messages(loadText("master = false\n"))).toEqual([
    'note: without effect here: "master" (a.ini:2): reeve is always the master of its daemons',
  ]);
});

test("a comment behind a boolean that was to be off is told", () => {
  expect(messages(loadText("vacuum = false ; not yet\nvacuum = true ; now\n"))).toEqual([
    'a.ini:2: warning: "vacuum" is on: a value goes to the end of the line, and there are no comments behind one',
  ]);
});

test("options of one part that is not built are one error, at the first of them", () => {
  expect(messages(loadText("cgroup = a\ncgroup-opt = a=b\ncgroup-dir-mode = 755\nno-server\n"))).toEqual([
    'a.ini:2: option "cgroup" needs control groups, which this version does not have, ' +
    'as do "cgroup-opt" (a.ini:3), "cgroup-dir-mode" (:4)',
    'a.ini:5: option "no-server" needs a start that ends before its daemons, which this version does not have',
  ]);
});

test.each(["cgroup = /x", "cgroup-opt = a=b", "resolve = a=b"])(
  "%s would make another instance of it, and is an error",
  (line) => {
    expect(messages(loadText(`${line}\n`))[0]).toMatch(/^a\.ini:2: option ".*" needs .*, which this version/);
  },
);

test("early-envdir gives $(NAME) all lines of a file, as it gives them to daemons", () => {
  const found = loadText("early-envdir = /e\nenv = A=<$(M)>\nenv = B=<$(N)>\nenv = C=<$(HOME)>\n", {
    "/e/M": "one \ntwo\t\n\n",
    "/e/N": "x\0y\n",
    "/e/HOME": "",
    "/e/.hidden": "no",
  }, { environment: { HOME: "/root" } });
  expect(messages(found)).toEqual([]);
  expect(options(found).slice(1)).toEqual([
    "a.ini:3 env=A=<one \ntwo>",
    "a.ini:4 env=B=<x\ny>",
    "a.ini:5 env=C=<$(HOME)>",
  ]);
});

describe("asking a configuration", () => {
  test("collects get, print and show-config", () => {
    const found = loadText("print = %(x)\niprint = %(x)\nx = 1\nget = chdir\nshow-config = true\n");
    expect(found).toMatchObject({ printed: ["%(x)", "1"], get: ["chdir"], showConfig: true, exitCode: null });
  });

  test("stops at exit with its code", () => {
    const found = loadText("chdir = /a\nexit = 7\nchdir = /b\ninclude = nothing\n");
    expect(found.exitCode).toBe(7);
    expect(options(found)).toEqual(["a.ini:2 chdir=/a"]);
    expect(load(["--exit"], {}).exitCode).toBe(1);
  });

  test("runs nothing while it only checks", () => {
    const found = loadText("env = A=@(exec://id)\n");
    expect(messages(found)).toEqual([
      'a.ini:2: note: "exec://id" is not run while a configuration is only checked',
    ]);
  });

  test("runs exec:// with its output as the value", () => {
    const execute = (command: string): Uint8Array => new TextEncoder().encode(`<${command}>\n`);
    expect(options(loadText("env = A=@(exec://id -u)\n", {}, { execute }))).toEqual([
      "a.ini:2 env=A=<id -u>",
    ]);
  });
});

test("a thousand daemons flatten, each with its own value", () => {
  const text = Array.from({ length: 1000 }, (_, index) => `attach-daemon = sleep %(base + ${index})\n`).join(
    "",
  );
  const { options: found } = load(["a.ini"], { "/etc/a.ini": `[uwsgi]\nbase = 1\n${text}` });
  expect(found).toHaveLength(1000);
  expect(found.at(-1)?.value).toBe("sleep 1000");
});

describe("an option of the command line", () => {
  const said = (...words: string[]): string[] => {
    const { options, files } = parseCommandLine(words);
    const world = memoryWorld({ "/etc/a.ini": "[uwsgi]\nchdir = /file\nenv = A=1\n" });
    return loadConfiguration(options, files, world).diagnostics.list.map(formatDiagnostic);
  };

  test("that a line of the file takes back is named, on whichever side of it it stands", () => {
    for (const words of [["--chdir=/cli", "a.ini"], ["a.ini", "--chdir", "/cli"]]) {
      expect(said(...words)).toEqual([
        '--chdir: warning: --chdir has no effect: a.ini:2 sets "chdir" too, and a FILE is read after the options, ' +
        'as in uWSGI: name it in front of them, by "--ini FILE"',
      ]);
    }
  });

  test("that counts, is repeated or says the same is not", () => {
    expect(said("--ini", "a.ini", "--chdir=/cli")).toEqual([]);
    expect(said("--chdir=/file", "--env=A=2", "--umask=022", "a.ini")).toEqual([]);
  });
});
