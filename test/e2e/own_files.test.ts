/**
 * The files of reeve itself, as others see them: that it writes them wakes none of its own watches, that
 * somebody takes them away or puts another there is mended, and whoever writes to its FIFO does not fill its
 * log.
 */
import { expect } from "bun:test";
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import type { Scope } from "./harness.ts";
import { check, program, reeve, root } from "./need.ts";
import { basename, join } from "node:path";
import { until } from "./wait.ts";

/** What a shell's exit code says of `text` into the FIFO; 124: nobody opened it within two seconds. */
function write(fifo: string, text: string): number {
  const script = `printf %s "$1" > "$2"`;
  return Bun.spawnSync(["timeout", "2", "sh", "-c", script, "sh", text, fifo]).exitCode;
}

function linesOf(log: string, pattern: RegExp): string[] {
  return log.split("\n").filter((line) => pattern.test(line));
}

check("fs-reload of the directory in which all of reeve's own files are reloads for others only", [
  reeve,
], async (scope) => {
  const art = scope.directoryFor("art");
  const supervisor = scope.reeve(
    scope.write(
      "own.ini",
      [
        "[uwsgi]",
        `run-dir = ${art}/run`,
        `fs-reload = ${art}/`,
        `fs-reload = ${art}/run`,
        `pidfile = ${art}/pid`,
        `safe-pidfile = ${art}/safe.pid`,
        `logto = ${art}/log`,
        `master-fifo = ${art}/fifo`,
        `stats = ${art}/stats`,
        `attach-daemon2 = cmd=sleep 900,pidfile=${art}/smart.pid,daemonize=1`,
        "attach-daemon = sleep 900",
        "",
      ].join("\n"),
    ),
  );
  // With what was rotated away; a name that ends in .tmp is gone again at once.
  const log = (): string =>
    readdirSync(art).filter((name) => /^log(?!.*\.tmp$)/.test(name)).map((name) =>
      readFileSync(`${art}/${name}`, "utf8")
    )
      .join("");
  await until("reeve is up", () => log().includes("reeve is up"));
  for (let count = 1; count < 3; count++) {
    supervisor.signal("SIGUSR1");
    expect(write(`${art}/fifo`, "PL")).toBe(0);
    await until("the log is rotated", () => linesOf(log(), /logsize/).length === count);
  }
  unlinkSync(`${art}/fifo`);
  unlinkSync(`${art}/stats`);
  await until("both are made again", () => existsSync(`${art}/fifo`) && existsSync(`${art}/stats`));
  // All events up to here have been heard once this one is.
  writeFileSync(`${art}/theirs`, "");
  await until("reeve is back", () => log().includes("reeve is back"));
  expect(linesOf(log(), /grace them all/)).toHaveLength(1);
  await supervisor.stop();
});

check("a master-fifo that is removed, and one that somebody puts in its place, are no longer left alone", [
  reeve,
], async (scope) => {
  const fifo = scope.path("fifo");
  const supervisor = scope.reeve(scope.config([`master-fifo = ${fifo}`, "attach-daemon = sleep 900"]));
  await supervisor.untilLog(/reeve is up/);
  expect(Bun.spawnSync(["mkfifo", `${fifo}.theirs`]).exitCode).toBe(0);
  unlinkSync(fifo);
  // Over the one that reeve may have made by now.
  renameSync(`${fifo}.theirs`, fifo);
  expect(write(fifo, "s")).toBe(0);
  await supervisor.untilLog(/master-fifo ".*" was (replaced: the new one is open|gone: it is made again)/);
  await supervisor.untilLog(/sleep: running/);
  const from = supervisor.log().length;
  unlinkSync(fifo);
  await until("it is made again", () => existsSync(fifo));
  expect(lstatSync(fifo).mode & 0o777).toBe(0o600);
  await supervisor.untilLog(/was gone: it is made again/, { from });
  expect(write(fifo, "q")).toBe(0);
  expect((await supervisor.untilExit()).code).toBe(0);
});

check("a stats socket and a setns-socket that are removed are made again, with one line each", [
  reeve,
], async (scope) => {
  const [stats, setns] = [scope.path("stats"), scope.path("setns")];
  const supervisor = scope.reeve(
    scope.config([`stats = ${stats}`, `setns-socket = ${setns}`, "attach-daemon = sleep 900"]),
  );
  await supervisor.untilLog(/reeve is up/);
  for (const path of [stats, setns]) unlinkSync(path);
  await until("both are made again", () => existsSync(stats) && existsSync(setns));
  const answer = await until("statistics", () => fetchStats(stats));
  expect(answer).toContain('"daemons"');
  const { output } = await supervisor.stop();
  expect(linesOf(output, /was gone/)).toHaveLength(2);
  expect(existsSync(setns)).toBe(false);
  expect(existsSync(stats)).toBe(false);
});

async function fetchStats(path: string): Promise<string | null> {
  const text: string[] = [];
  const ended = Promise.withResolvers<void>();
  try {
    await Bun.connect({
      unix: path,
      socket: { data: (_, bytes) => void text.push(bytes.toString()), end: () => ended.resolve() },
    });
  } catch {
    return null;
  }
  await ended.promise;
  return text.join("");
}

check("what is written to the master-fifo without end is a few lines a second in the log", [
  reeve,
], async (scope) => {
  const fifo = scope.path("fifo");
  const supervisor = scope.reeve(
    scope.config([`master-fifo = ${fifo}`, `master-fifo = ${fifo}.1`, "attach-daemon = sleep 900"]),
  );
  await supervisor.untilLog(/reeve is up/);
  // Everything but the letters that stop and reload.
  const letters = "+-BcCEfSwWlLpPs0123456789xyz\n".repeat(20_000);
  const began = performance.now();
  for (let sent = 0; sent < 4; sent++) {
    write(existsSync(`${fifo}.1`) ? `${fifo}.1` : fifo, letters.slice(0, 100_000));
  }
  const seconds = Math.ceil((performance.now() - began) / 1000) + 2;
  const { output } = await supervisor.stop();
  expect(output.split("\n").length).toBeLessThan(20 + 40 * seconds);
});

/** One configuration, under uWSGI and under reeve; `log` is the name of its log in `directory`. */
async function withBoth(
  scope: Scope,
  lines: (directory: string) => readonly string[],
  look: (directory: string) => Promise<string>,
): Promise<{ readonly uwsgi: string; readonly reeve: string }> {
  const found: Record<string, string> = {};
  for (const name of ["uwsgi", "reeve"] as const) {
    const directory = scope.directoryFor(name, 0o777);
    const config = scope.config([...lines(directory), "attach-daemon = sleep 900"], `${name}.ini`);
    const supervisor = name === "uwsgi" ? scope.uwsgi(config) : scope.reeve(config);
    await scope.untilOne(/^sleep 900$/);
    found[name] = await look(directory);
    await supervisor.stop();
  }
  return { uwsgi: found["uwsgi"] ?? "", reeve: found["reeve"] ?? "" };
}

for (const existing of [null, 0o600]) {
  for (
    const options of [["logfile-chown = true", "logfile-chmod = 664"], ["logfile-chmod = 604"], [
      "logfile-chown = true",
    ]]
  ) {
    const file = existing === null ? "a new log" : "a log that is there";
    check(`${file} has the owner and the mode that uWSGI gives it: ${options.join(", ")}`, [
      reeve,
      root,
      program("uwsgi", "uwsgi-core"),
    ], async (scope) => {
      const { uwsgi, reeve: own } = await withBoth(
        scope,
        (directory) => {
          if (existing !== null) scope.write(join(basename(directory), "log"), "", existing);
          // Numbers, which need no passwd.
          return ["uid = 65534", "gid = 65534", `logto = ${directory}/log`, ...options];
        },
        async (directory) => {
          const path = `${directory}/log`;
          await until("there is a log", () => existsSync(path) && statSync(path).size > 0);
          const { uid, gid, mode } = statSync(path);
          return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
        },
      );
      expect(own).toBe(uwsgi);
    });
  }
}

check("a directory that is watched by fs-reload and has the safe-pidfile reloads neither uWSGI nor reeve", [
  reeve,
  program("uwsgi", "uwsgi-core"),
], async (scope) => {
  const { uwsgi, reeve: own } = await withBoth(
    scope,
    (
      directory,
    ) => [`fs-reload = ${directory}/`, `safe-pidfile = ${directory}/pid`, `logto = ${directory}.log`],
    async (directory) => {
      const log = (): string =>
        existsSync(`${directory}.log`) ? readFileSync(`${directory}.log`, "utf8") : "";
      await until("the pidfile is there", () => existsSync(`${directory}/pid`));
      // What is heard last: nothing of ours is on its way any more.
      writeFileSync(`${directory}/theirs`, "");
      const reloads = (): string[] => linesOf(log(), /detected event on|grace them all/);
      await until("one reload", () => reloads().length > 0);
      await scope.untilOne(/^sleep 900$/);
      return `${reloads().length} reload`;
    },
  );
  expect([uwsgi, own]).toEqual(["1 reload", "1 reload"]);
});

check("a log that is moved away, and one that is replaced, are opened again by their path", [
  reeve,
], async (scope) => {
  const path = scope.path("app.log");
  const supervisor = scope.reeve(scope.config([`logto = ${path}`, "attach-daemon = sleep 900"]));
  await scope.untilFile("app.log", /reeve is up/);
  renameSync(path, `${path}.1`);
  await scope.untilFile("app.log", /log file ".*" was gone: it is made again/);
  unlinkSync(path);
  writeFileSync(path, "", { mode: 0o640 });
  await scope.untilFile(
    "app.log",
    /log file ".*" was (replaced: the new one is open|gone: it is made again)/,
  );
  supervisor.signal("SIGUSR1");
  await scope.untilFile("app.log", /sleep: running/);
  await supervisor.stop();
  expect(readFileSync(`${path}.1`, "utf8")).not.toContain("sleep: running");
});

check("the standard output as the log is not rotated, and nothing is written beside it", [
  reeve,
], async (scope) => {
  const before = readdirSync("/dev").sort();
  for (const path of ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/2"]) {
    const supervisor = scope.reeve(
      scope.config([`logto = ${path}`, "log-maxsize = 10", "attach-daemon = sleep 900"]),
    );
    await supervisor.untilLog(/reeve is up/);
    supervisor.signal("SIGUSR1");
    await supervisor.untilLog(/sleep: running/);
    const { output } = await supervisor.stop();
    expect(linesOf(output, /log-maxsize has no effect: log file ".*" is the name of an open descriptor/))
      .toHaveLength(1);
    expect(output).not.toContain("triggering rotation");
  }
  expect(readdirSync("/dev").sort()).toEqual(before);
});
