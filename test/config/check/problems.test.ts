import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { noteDifferences } from "../../../lib/config/check/differences.ts";
import { findProblems, type Purpose } from "../../../lib/config/check/problems.ts";
import type { PlanDeps } from "../../../lib/config/system/plan_deps.ts";
import { build, fakeSystem, optionsOf, ORDINARY } from "../build/fake_system.ts";

function problems(text: string, purpose: Purpose = "check", system: PlanDeps = fakeSystem()): string[] {
  const { plan, diagnostics } = build(text, system);
  findProblems(plan, system, purpose, diagnostics);
  return diagnostics.list.map(formatDiagnostic);
}

describe("commands", () => {
  test("that exist are no problem, by path and by PATH", () => {
    expect(
      problems("attach-daemon = memcached -v\nattach-daemon = /bin/sleep 1\nattach-daemon = sleep 1 > x"),
    ).toEqual([]);
  });

  test("that do not exist are an error", () => {
    expect(problems("attach-daemon = mongod --port 1")).toEqual([
      'app.ini:1: cannot run "mongod": not found in PATH /usr/bin:/bin',
    ]);
    expect(problems("attach-daemon = /opt/x")).toEqual(['app.ini:1: cannot run "/opt/x": no such file']);
  });

  test("are not looked at when an instance starts: what hangs must hold up nobody else", () => {
    const hung = (path: string): never => {
      throw new Error(`looked at "${path}"`);
    };
    const mayHang = (path: string) => path.startsWith("/hung");
    const stat = (path: string) => mayHang(path) ? hung(path) : fakeSystem().stat(path);
    const canExecute = (path: string) => mayHang(path) ? hung(path) : true;
    const system = fakeSystem(ORDINARY, { stat, canExecute, readStart: hung, mayHang });
    const text = "attach-daemon = /hung/x\nattach-daemon2 = cmd=a,chdir=/hung/d\ntouch-exec = /f a";
    expect(problems(text, "start", system)).toEqual([]);
    expect(problems("env = PATH=/bin:/hung\nattach-daemon = y", "start", system)).toEqual([]);
    expect(problems("attach-daemon = /nowhere", "resume", system)).toEqual([]);
    expect(problems("attach-daemon = /nowhere", "start", system)).toEqual([
      'app.ini:1: cannot run "/nowhere": no such file',
    ]);
  });

  test("that cannot run keep no other down; an instance with none that can is refused, by a check and a start", () => {
    const missing = (severity: string) => [`app.ini:1: ${severity}cannot run "/nowhere": no such file`];
    for (const purpose of ["check", "start"] as const) {
      expect(problems("attach-daemon = /nowhere", purpose)).toEqual(missing(""));
      expect(problems("attach-daemon = /nowhere\nattach-daemon = sleep 1", purpose)).toEqual(
        missing("warning: "),
      );
      expect(problems("attach-daemon = /nowhere\nexec-asap = sleep 1", purpose)).toEqual(
        missing("warning: "),
      );
    }
    const running = fakeSystem({ ...ORDINARY, "/run/p": {} });
    expect(problems("smart-attach-daemon2 = /run/p /nowhere", "start", running)).toEqual(
      missing("warning: "),
    );
  });

  test("that are one word in quotes, or relative to the wrong directory, are told what to write", () => {
    expect(problems('attach-daemon = "sleep 1"')).toEqual([
      'app.ini:1: cannot run "sleep 1": the whole command is in quotes, which makes one word of it: ' +
      'write "sleep 1" without them',
    ]);
    expect(problems("attach-daemon = ./x")).toEqual([
      'app.ini:1: cannot run "./x": no such file in /home/me, where it is started: write the whole path, or %d for ' +
      "the file's directory",
    ]);
  });

  test("that are scripts without #! are run by the shell, and cannot run without one", () => {
    const files = {
      ...ORDINARY,
      "/x/s": { mode: 0o755, text: "echo hi\n" },
      "/x/t": { mode: 0o755, text: "#!/bin/sh" },
    };
    const text = "attach-daemon = /x/s a";
    expect(problems(text, "check", fakeSystem({ ...files, "/bin/sh": { mode: 0o755 } }))).toEqual([
      'app.ini:1: note: "/x/s" has no first line "#!", so /bin/sh runs it: give it the first line #!/bin/sh',
    ]);
    const { "/bin/sh": _, ...rest } = { "/bin/sh": {}, ...files };
    expect(problems(text, "check", fakeSystem(rest))).toEqual([
      'app.ini:1: cannot run "/x/s": a script without "#!" needs a shell, and there is no /bin/sh: ' +
      "give it the first line #!/bin/sh",
    ]);
  });

  test("are looked for in the PATH that they get", () => {
    const system = fakeSystem({ ...ORDINARY, "/opt/bin/mongod": { mode: 0o755 } });
    expect(problems("env = PATH=/opt/bin\nattach-daemon = mongod", "check", system)).toEqual([]);
    expect(problems("unenv = PATH\nattach-daemon = sleep 1", "check", system)).toEqual([]);
  });

  test("that are not executable, for reeve or for the daemon's user", () => {
    const system = fakeSystem({ ...ORDINARY, "/x/a": {}, "/x/b": { mode: 0o700 } });
    expect(problems("attach-daemon = /x/a", "check", system)[0]).toContain(
      "it is not executable: chmod +x /x/a",
    );
    expect(problems("attach-daemon = /x/b", "check", system)).toEqual([]);
    expect(problems("attach-daemon2 = cmd=/x/b,uid=33", "check", system)[0]).toContain(
      'not executable for user "www-data"',
    );
    expect(problems("attach-daemon = /tmp", "check", system)[0]).toContain("it is a directory");
  });

  test("relative ones belong to the daemon's directory", () => {
    const system = fakeSystem({
      ...ORDINARY,
      "/srv": { kind: "directory", mode: 0o755 },
      "/srv/run": { mode: 0o755 },
    });
    expect(problems("attach-daemon2 = cmd=./run,chdir=/srv", "check", system)).toEqual([]);
    expect(problems("chdir = /srv\nattach-daemon = ./run", "check", system)).toEqual([]);
    expect(problems("attach-daemon = ./run", "check", system)[0]).toContain("no such file");
  });

  test("with shell syntax need a shell, and a missing program is only a warning", () => {
    expect(problems("attach-daemon = mongod > /dev/null")[0]).toContain('warning: "mongod" is not there now');
    const bare = fakeSystem({ "/": { kind: "directory" } });
    expect(problems("attach-daemon = a > b", "check", bare)[0]).toContain("no shell /bin/sh");
  });
});

describe("pidfiles", () => {
  test("in a directory that its command may make are a warning, at a start as well", () => {
    const text =
      "smart-attach-daemon = /nodir/p sleep 1\nattach-daemon2 = cmd=sleep 2,pidfile=/nodir/q,uid=33";
    for (const purpose of ["check", "start"] as const) {
      expect(problems(text, purpose)).toEqual(
        ["p", "q"].map((name, index) =>
          `app.ini:${
            index + 1
          }: warning: pidfile "/nodir/${name}" has no directory yet: the command must make "/nodir", ` +
          "or make it first"
        ),
      );
    }
  });

  test("that reeve writes are an error in a directory that does not exist, at a start as well", () => {
    const text = "smart-attach-daemon2 = /nodir/p sleep 1";
    const expected = 'app.ini:1: cannot write pidfile "/nodir/p": no such directory: "/nodir", make it first';
    expect(problems(text)).toEqual([expected]);
    expect(problems(text, "start")).toEqual([expected]);
  });

  test("are only a warning where a hook or a wait may bring the directory", () => {
    expect(problems("exec-as-root = mkdir /nodir\nsmart-attach-daemon2 = /nodir/p sleep 1")[0]).toContain(
      "warning: ",
    );
    expect(problems("exec-as-user-atexit = x\nsmart-attach-daemon2 = /nodir/p sleep 1")[0]).not.toContain(
      "warning: ",
    );
  });

  test("that the daemon's user may not write", () => {
    const text = "attach-daemon2 = cmd=sleep 1,pidfile=/run/p,uid=33";
    expect(problems(text)[0]).toContain('user "www-data" may not write to the directory "/run"');
    expect(problems(text, "start")[0]).toContain("warning: ");
    const system = fakeSystem({ ...ORDINARY, "/run/p": { uid: 33 } });
    expect(problems(text, "check", system)).toEqual([]);
    expect(problems("attach-daemon2 = cmd=sleep 1,pidfile=/tmp/p,uid=33")).toEqual([]);
  });

  test("that reeve writes itself need a directory that it may write to", () => {
    const system = fakeSystem(ORDINARY, { uid: 1000, gid: 1000 });
    expect(problems("smart-attach-daemon2 = /run/p sleep 1", "start", system)).toEqual([
      'app.ini:1: cannot write pidfile "/run/p": the directory "/run" is not writable for reeve',
    ]);
  });

  test("that are directories, or in what is none", () => {
    expect(problems("smart-attach-daemon = /tmp sleep 1")[0]).toContain("it is a directory");
    expect(problems("smart-attach-daemon = /bin/sh/p sleep 1")[0]).toContain('"/bin/sh" is no directory');
  });

  test("of two daemons must differ", () => {
    const system = fakeSystem({ ...ORDINARY, "/./tmp": { kind: "directory", mode: 0o1777 } });
    const text = "smart-attach-daemon = /tmp/p sleep 1\nsmart-attach-daemon = /./tmp/p sleep 2";
    for (const purpose of ["check", "start"] as const) {
      expect(problems(text, purpose, system)).toEqual([
        'app.ini:2: cannot use pidfile "/./tmp/p" for "sleep-2": it is that of daemon "sleep" too: ' +
        "give each a file of its own",
      ]);
    }
    const roots = "attach-daemon2 = cmd=a,pidfile=/p,daemonize=1,root=";
    expect(problems(`${roots}/tmp\n${roots}/run`).filter((text) => text.includes("give each"))).toEqual([]);
  });

  test("must not be what reeve itself writes", () => {
    for (
      const [option, what] of [["pidfile", "pidfile"], ["logto", "log file"], ["master-fifo", "master FIFO"]]
    ) {
      expect(problems(`${option} = /tmp/p\nsmart-attach-daemon2 = /tmp/p sleep 1`, "start")).toEqual([
        `app.ini:2: cannot use pidfile "/tmp/p" for "sleep": it is reeve's ${what} "/tmp/p" too: ` +
        "give each a file of its own",
      ]);
    }
  });
});

describe("directories", () => {
  test("chdir that does not exist, of the instance and of a daemon", () => {
    expect(problems("chdir = /nodir")).toEqual(['app.ini:1: cannot enter chdir "/nodir": no such directory']);
    expect(problems("attach-daemon2 = cmd=./x,chdir=/nodir")).toEqual([
      'app.ini:1: cannot enter chdir "/nodir": no such directory',
    ]);
    expect(problems("chdir = /bin/sh")[0]).toContain("it is a file");
  });

  test("of the instance's pidfile, log and FIFO", () => {
    expect(problems("pidfile = /n/p\nlogto = /n/l\nmaster-fifo = /n/f")).toHaveLength(3);
    expect(problems("logto = /dev/null\nmaster-fifo = /tmp/f")).toEqual([]);
    expect(problems("master-fifo = /bin/sh")[0]).toContain("a file has this name");
  });
});

describe("files of the instance", () => {
  test("that are directories are an error, and a file in them is meant", () => {
    for (
      const [option, what] of [["pidfile", "pidfile"], ["logto", "log file"], ["master-fifo", "master FIFO"]]
    ) {
      const expected = [`app.ini:1: cannot write ${what} "/tmp": it is a directory: name a file in it`];
      expect(problems(`${option} = /tmp`)).toEqual(expected);
      expect(problems(`${option} = /tmp`, "start")).toEqual(expected);
    }
  });

  test("that are touched, in a directory that is not there, are a warning", () => {
    const text = "touch-reload = /nodir/t\ntouch-exec = /nodir/u sleep 1\n" +
      "attach-daemon2 = cmd=sleep 1,touch=/nodir/v;/tmp/w";
    expect(problems(text)).toEqual(
      [["touch-reload", "t"], ["touch-exec", "u"], ["touch", "v"]].map(([what, name], at) =>
        `app.ini:${
          at + 1
        }: warning: nobody can touch "/nodir/${name}" of ${what} now: no such directory: "/nodir", ` +
        "make it first"
      ),
    );
  });
});

describe("differences from uWSGI", () => {
  function differences(text: string): string[] {
    const { plan, diagnostics } = build(text);
    noteDifferences(plan, optionsOf(text), diagnostics);
    return diagnostics.list.filter(({ severity }) => severity === "note").map(({ text }) =>
      /^(?:difference \d+|legion)/.exec(text)?.[0] ?? text
    );
  }

  test("are named where the configuration meets them", () => {
    expect(differences("attach-daemon = a\ndie-on-term")).toEqual([]);
    expect(differences("attach-daemon = a")).toEqual(["difference 5"]);
    expect(differences("uid = www-data\nattach-daemon = a\ndie-on-term")).toEqual([]);
    expect(differences("smart-attach-daemon = /tmp/p a\nsigterm-reloads")).toEqual(["difference 3"]);
    expect(differences("attach-daemon2 = cmd=a,uid=www-data,stopsignal=QUIT\ndie-on-term")).toEqual([
      "difference 1",
      "difference 2",
    ]);
    expect(differences("attach-daemon2 = cmd=a,uid=33,stopsignal=3\ndie-on-term")).toEqual(["difference 2"]);
  });

  test("are named for jails and legions", () => {
    const numbers = (text: string) =>
      differences(`${text}\ndie-on-term`).map((found) => found.replace("difference ", ""));
    expect(numbers("namespace = /r")).toEqual(["27", "28"]);
    expect(numbers("namespace = /r\nnamespace-env = inherit\nuid = 0\nexec-as-root = a")).toEqual(["27"]);
    expect(numbers("unshare = net\nexec-as-root = a")).toEqual(["22", "27"]);
    expect(numbers("attach-daemon2 = cmd=a,ns_pid=1")).toEqual(["29"]);
    expect(numbers("legion = a :1 1 bf-cbc:x\nattach-daemon2 = cmd=a,legion=a")).toEqual(["30"]);
    const legion = "legion = a :1 1 bf-cbc:x\nlegion-node = a 10.0.0.1:1\nlegion-node = a 10.0.0.2:1\n";
    expect(numbers(`${legion}legion-quorum = a 2`)).toEqual(["4"]);
    expect(numbers(`${legion}legion-attach-daemon = a b`)).toEqual(["legion"]);
    expect(numbers("legion-mcast = a 225.1.1.1:1 1 bf-cbc:x")).toEqual(["legion"]);
    expect(numbers("legion-mcast = a 225.1.1.1:1 1 bf-cbc:x\nlegion-quorum = a 2")).toEqual(["4"]);
    expect(numbers("legion-etcd = a http://h:1 1")).toEqual([]);
  });
});
