import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync } from "node:fs";
import { Directory, reeve } from "./cli.ts";

describe("reeve", () => {
  test("without arguments shows its usage on stderr and exits with 2", () => {
    const { code, out, err } = reeve([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toStartWith("usage: reeve FILE");
    expect(err.split("\n").length).toBeLessThan(25);
  });

  test("--version and --help", () => {
    expect(reeve(["--version"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^reeve \d+\.\d+\.\d+\n$/),
      err: "",
    });
    const { code, out } = reeve(["--help"]);
    expect(code).toBe(0);
    expect(out).toContain("--attach-daemon2");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("a mistyped command is named with the command that was meant", () => {
    const { code, err } = reeve(["chek", "x.ini"]);
    expect(code).toBe(2);
    expect(err).toBe('unknown command "chek": did you mean "check"? (there is no file of that name)\n');
  });

  test("a mistyped option is named with the option that was meant", () => {
    const { code, err } = reeve(["--attach-daemn", "x"]);
    expect(code).toBe(2);
    expect(err).toContain('did you mean "--attach-daemon"?');
  });

  test("a file that does not exist, or a section that is not there, ends a start with 2", () => {
    using directory = new Directory();
    expect(reeve([`${directory.path}/no.ini`])).toMatchObject({
      code: 2,
      err: expect.stringContaining("no such file"),
    });
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon = sleep 1\n");
    expect(reeve([`${file}:other`])).toMatchObject({ code: 2, err: expect.stringContaining('"other"') });
  });

  test("a configuration with errors is not started, and every error has its line", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nattach-daemon2 = cmd=sleep 1,uid=no-such-user\nsmart-attach-daemon = /x\n",
    );
    const { code, err } = reeve([file]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2: unknown user "no-such-user"`);
    expect(err).toContain(`${file}:3: cannot use smart-attach-daemon="/x"`);
  });

  test("show-config prints the flattened configuration and exits", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\na = 1\nattach-daemon = sleep %(a)\nshow-config = true\n");
    const { code, out } = reeve([file]);
    expect(code).toBe(0);
    expect(out).toContain("attach-daemon = sleep 1\n");
  });

  test("show-config and get succeed where this host lacks a user or a directory, with a warning", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nuid = no-such-user\nchdir = /no/where\nlogto = /no/where/log\nattach-daemon = sleep 1\n",
    );
    const { code, out, err } = reeve([file, "--show-config"]);
    expect(code).toBe(0);
    expect(out).toContain("uid = no-such-user\nchdir = /no/where\n");
    expect(err).toContain(`${file}:2: warning: unknown user "no-such-user"`);
    expect(err).toContain(`${file}:4: warning: cannot write log file`);
    expect(reeve([file, "--get", "uid"])).toMatchObject({ code: 0, out: "no-such-user\n" });
  });

  test("show-config fails where the text is not complete", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\ninclude = no.ini\nattach-daemon = sleep 1\n");
    const { code, err } = reeve([file, "--show-config"]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2: cannot read`);
  });

  test("get prints the first value of an option and exits", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\na = 1\na = 2\n");
    expect(reeve([file, "--get", "a"])).toMatchObject({ code: 0, out: "1\n" });
  });

  test("commands that this version does not have are refused, not read as files", () => {
    expect(reeve(["logs"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is not there in this version"),
    });
  });
});

describe("reeve check", () => {
  test("a configuration without mistakes: exit 0 and one line on stdout", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon = sleep 1\n");
    const { code, out } = reeve(["check", file]);
    expect([code, out]).toEqual([0, `${file}: ok, 1 daemon\n`]);
  });

  test("every problem with its line on stderr, exit 2", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nchdir = /no/where\nattach-daemon = /no/program\nattach-daemon2 = cmd=a,b\n",
    );
    const { code, out, err } = reeve(["check", file]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2: cannot enter chdir "/no/where": no such directory\n`);
    expect(err).toContain(`${file}:3: cannot run "/no/program": no such file\n`);
    expect(err).toContain(`${file}:4: cannot use "b": it has no "="`);
    expect(out).toContain("not usable");
  });

  test("a number with a comment behind it counts, as in uWSGI, and the comment is named", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nreload-mercy = 8  # seconds\nlog-maxsize = 20971520  # 20 MB\nattach-daemon = sleep 900\n",
    );
    const { code, err } = reeve(["check", file]);
    expect(code).toBe(0);
    for (const [line, name, number] of [[2, "reload-mercy", "8"], [3, "log-maxsize", "20971520"]]) {
      expect(err).toContain(`${file}:${line}: warning: of "${name}" only "${number}" counts, not all of`);
    }
    expect(err.match(/there are no comments behind one\n/g)).toHaveLength(2);
    expect(reeve(["plan", file]).out).toMatch(/stop timeout\s+8 s/);
  });

  test("runs nothing, not even what a value asks for", () => {
    using directory = new Directory();
    const mark = `${directory.path}/mark`;
    const file = directory.file(
      "a.ini",
      `[uwsgi]\nx = @(exec://touch ${mark})\nexec-asap = touch ${mark}\nattach-daemon = touch ${mark}\n`,
    );
    reeve(["check", file]);
    expect(Bun.file(mark).size).toBe(0);
    expect(Bun.spawnSync(["test", "-e", mark]).exitCode).toBe(1);
  });

  test("--json: problems with file, line and severity", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon = /no/program\n");
    const { code, out, err } = reeve(["check", file, "--json"]);
    expect([code, err]).toEqual([2, ""]);
    const report = JSON.parse(out) as { ok: boolean; daemons: number; problems: unknown[] };
    expect(report).toMatchObject({ ok: false, daemons: 1 });
    expect(report.problems[0]).toMatchObject({
      severity: "error",
      file,
      line: 2,
      text: 'cannot run "/no/program": no such file',
    });
  });

  test("stdin as the file", () => {
    expect(reeve(["check", "-"], { stdin: "[uwsgi]\nattach-daemon = sleep 1\n" }).code).toBe(0);
  });

  test("without a file says what it needs", () => {
    expect(reeve(["check"])).toMatchObject({
      code: 2,
      err: "check needs a configuration file: reeve check FILE\n",
    });
  });

  test("control characters of a configuration cannot forge a line", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon2 = cmd=x,u\x1b[31mid=1\n");
    const { err } = reeve(["check", file]);
    expect(err).not.toContain("\x1b");
  });

  test("a directory, a huge file's line and bytes that are no text are errors, not crashes", () => {
    using directory = new Directory();
    mkdirSync(`${directory.path}/d.ini`);
    const files = [
      `${directory.path}/d.ini`,
      directory.file("long.ini", `[uwsgi]\nattach-daemon = ${"x".repeat(10_000_000)}\n`),
      directory.file("nul.ini", "[uwsgi]\nattach-daemon = a\0b\n"),
    ];
    for (const file of files) expect(reeve(["check", file]).code).toBe(2);
  });

  test("files without an end, and larger than any configuration, are errors that take little memory", () => {
    using directory = new Directory();
    const huge = directory.file("huge.ini", "");
    truncateSync(huge, 100 * 2 ** 30);
    const message = "it has more than 67108864 bytes";
    for (const file of ["/dev/zero", huge]) {
      expect(reeve(["check", file])).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    }
    const value = directory.file("a.ini", "[uwsgi]\nattach-daemon = sleep @(/dev/zero)\n");
    expect(reeve(["check", value])).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    expect(reeve(["check", "/proc/self/status"]).err).not.toContain("cannot read");
  });

  test("ten thousand daemons", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", `[uwsgi]\n${"attach-daemon = sleep 1\n".repeat(10_000)}`);
    expect(reeve(["check", file])).toMatchObject({ code: 0, out: `${file}: ok, 10000 daemons\n` });
  });
});

describe("reeve plan", () => {
  test("shows each setting with its line or as a default, and no secret", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nenv = DB_PASSWORD=hunter2\nattach-daemon2 = cmd=sleep 1 --token hunter2,stopsignal=QUIT\n",
    );
    const { code, out } = reeve(["plan", file]);
    expect(code).toBe(0);
    expect(out).not.toContain("hunter2");
    expect(out).toMatch(new RegExp(`stop signal\\s+QUIT\\s+${file}:3\n`));
    expect(out).toMatch(/max throttle\s+300 s\s+default\n/);
  });

  test("--json has the same, for programs", () => {
    using directory = new Directory();
    const file = directory.file(
      "a.ini",
      "[uwsgi]\nsmart-attach-daemon = /tmp/p,3 sleep 1 --password=hunter2\n",
    );
    const { code, out } = reeve(["plan", file, "--json"]);
    expect(code).toBe(0);
    expect(out).not.toContain("hunter2");
    const plan = JSON.parse(out) as { daemons: Record<string, unknown>[] };
    expect(plan.daemons[0]).toMatchObject({
      name: "sleep",
      kind: "smart",
      freq: 3,
      stopSignal: "TERM",
      command: { run: "directly", words: ["sleep", "1", "--password=[hidden]"] },
      from: { freq: `${file}:2`, stopSignal: "default" },
    });
  });

  test("of a configuration with errors is not shown", () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon2 = uid=1\n");
    expect(reeve(["plan", file])).toMatchObject({ code: 2, out: "" });
  });
});

describe("reeve help", () => {
  test("of an option, an alias, a command", () => {
    expect(reeve(["help", "umask"]).out).toContain("--umask VALUE");
    expect(reeve(["help", "--logdate"]).out).toContain("--log-date");
    expect(reeve(["help", "check"]).out).toContain("usage: reeve check");
  });

  test("of an application server's option says that it is skipped; of nothing known, what was meant", () => {
    expect(reeve(["help", "socket"]).out).toContain("reeve skips it");
    expect(reeve(["help", "umaks"])).toMatchObject({
      code: 2,
      err: 'unknown option or command "umaks": did you mean "umask"?\n',
    });
  });
});

describe("reeve --stop and --reload", () => {
  test.each(["--stop", "--reload"])(
    "%s of a stale, wrong or missing pidfile exits with 1 and signals nobody",
    async (option) => {
      using directory = new Directory();
      const sleeper = Bun.spawn(["sleep", "60"]);
      try {
        const real = directory.file("sleep.pid", `${sleeper.pid}\n`);
        symlinkSync(real, `${directory.path}/link.pid`);
        mkdirSync(`${directory.path}/dir.pid`);
        const cases: [path: string, text: string][] = [
          [`${directory.path}/no.pid`, "no such file"],
          [directory.file("empty.pid", ""), "there is no pid in it"],
          [directory.file("words.pid", "hello\n"), "there is no pid in it"],
          [directory.file("stale.pid", "2147483646\n"), "does not exist"],
          [directory.file("zero.pid", "0\n"), "there is no pid in it"],
          [directory.file("group.pid", "-1\n"), "there is no pid in it"],
          [real, 'is "sleep", not a reeve: nothing was signalled'],
          [`${directory.path}/link.pid`, "it is a symbolic link"],
          [`${directory.path}/dir.pid`, "it is no regular file"],
        ];
        for (const [path, text] of cases) {
          expect(reeve([option, path])).toMatchObject({ code: 1, err: expect.stringContaining(text) });
        }
        expect(sleeper.exitCode).toBeNull();
      } finally {
        sleeper.kill("SIGKILL");
        await sleeper.exited;
      }
      expect(sleeper.signalCode).toBe("SIGKILL");
    },
  );

  test("a reeve that has ended, and that nobody has reaped, is signalled no more", async () => {
    using directory = new Directory();
    const name = `${directory.path}/reeve`;
    symlinkSync(Bun.which("sleep") ?? "/bin/sleep", name);
    const parent = Bun.spawn(["sh", "-c", '"$0" 0 & echo $!; exec sleep 60', name], { stdout: "pipe" });
    try {
      const { value } = await parent.stdout.getReader().read();
      const pid = Number(new TextDecoder().decode(value));
      while (!/ \(reeve\) Z /.test(await Bun.file(`/proc/${pid}/stat`).text())) await Bun.sleep(1);
      const file = directory.file("reeve.pid", `${pid}\n`);
      expect(reeve(["--stop", file])).toMatchObject({
        code: 1,
        err: expect.stringContaining("has ended: the file is stale"),
      });
    } finally {
      parent.kill("SIGKILL");
      await parent.exited;
    }
  });

  test.each([["--stop", "SIGINT"], ["--reload", "SIGHUP"]] as const)(
    "%s signals the reeve of the pidfile",
    async (option, signal) => {
      using directory = new Directory();
      // A program of that name stands in for the supervisor.
      const name = `${directory.path}/reeve`;
      symlinkSync(Bun.which("sleep") ?? "/bin/sleep", name);
      const stand = Bun.spawn([name, "60"]);
      const comm = `/proc/${stand.pid}/comm`;
      while ((await Bun.file(comm).text()) !== "reeve\n") await Bun.sleep(1);
      const file = directory.file("reeve.pid", `${stand.pid}\n`);
      expect(reeve([option, file]).code).toBe(0);
      await stand.exited;
      expect(stand.signalCode).toBe(signal);
    },
  );
});
