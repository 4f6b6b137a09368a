/** The commands to a running instance, as people and scripts use them. */
import { expect } from "bun:test";
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { Exit, Scope, Supervisor } from "./harness.ts";
import { check, program, REEVE, reeve, root, SYSTEM_PATH } from "./need.ts";
import { isAlive } from "./process.ts";
import { until } from "./wait.ts";

const SETPRIV = program("setpriv", "util-linux");
const AS_USER = ["setpriv", "--reuid=54332", "--regid=54332", "--clear-groups"];
/** Ends 3 s after it was told to. */
const SLOW = "sh -c 'trap \"sleep 3; exit\" TERM; while :; do sleep 0.1; done'";

async function instance(scope: Scope, lines: readonly string[], name = "test.ini"): Promise<Supervisor> {
  const running = scope.reeve(scope.config(lines, name));
  await running.untilLog(/reeve is up/);
  if (lines.some((line) => line.includes(SLOW))) await scope.untilMinds(/^sh -c trap "sleep 3/, "SIGTERM");
  return running;
}

/** One command to the instance of the scope. */
function ask(scope: Scope, text: string): Promise<Exit> {
  return scope.run([REEVE, ...text.split(" "), "--socket", scope.path("run", "control")]);
}

async function expectAsked(scope: Scope, text: string, code: number, output: string | RegExp): Promise<void> {
  const exit = await ask(scope, text);
  if (typeof output === "string") expect([text, exit]).toEqual([text, { code, output }]);
  else {
    expect(exit.output).toMatch(output);
    expect([text, exit.code]).toEqual([text, code]);
  }
}

async function statesOf(scope: Scope, text = "status --json"): Promise<Record<string, string>> {
  const { output } = await ask(scope, text);
  const list = JSON.parse(output) as { name: string; state: string }[];
  return Object.fromEntries(list.map(({ name, state }) => [name, state]));
}

check(
  "daemons are shown, stopped, kept stopped over a reload, started and restarted",
  [reeve],
  async (scope) => {
    await instance(scope, [
      "attach-daemon2 = name=web,cmd=sleep 79001",
      "attach-daemon2 = name=db,cmd=sleep 79002",
    ]);
    await expectAsked(scope, "status", 0, /^NAME +STATE .*\nweb +running .*\ndb +running .*\n$/);
    await expectAsked(scope, "status web", 0, /^web\n {2}state: +running\n[^]*config: .*test\.ini:3\n$/);
    const stopped = await scope.untilOne(/^sleep 79002/);
    await expectAsked(scope, "stop db", 0, "stopped db\n");
    expect(isAlive(stopped)).toBe(false);
    await expectAsked(scope, "status", 3, /\ndb +down .* stopped by /);
    const before = await scope.untilOne(/^sleep 79001/);
    await expectAsked(scope, "reload", 0, "reloaded\n");
    await until("the daemon was replaced", () => !isAlive(before));
    expect(await statesOf(scope)).toMatchObject({ db: "down" });
    await expectAsked(scope, "wait web --timeout=20s", 0, "");
    await expectAsked(scope, "start db -q", 0, "");
    const old = await scope.untilOne(/^sleep 79002/);
    await expectAsked(scope, "restart db", 0, "restarted db\n");
    expect(isAlive(old)).toBe(false);
    await scope.untilOne(/^sleep 79002/);
    await expectAsked(scope, "start db", 0, /db/);
  },
);

check(
  "a wrong name names the nearest, and a glob that matches nothing is an error",
  [reeve],
  async (scope) => {
    await instance(scope, ["attach-daemon2 = name=web,cmd=sleep 79003"]);
    const text = 'there is no daemon "wbe" (did you mean "web"?)\n';
    await expectAsked(scope, "stop wbe", 5, text);
    await expectAsked(scope, "status wbe", 4, text);
    await expectAsked(scope, "events wbe", 5, text);
    await expectAsked(scope, "healthcheck wbe", 1, `unhealthy: ${text}`);
    await expectAsked(scope, "restart zz*", 5, 'no daemon\'s name is like "zz*"\n');
    await expectAsked(scope, "wait w?b", 0, "");
    expect(await scope.run([REEVE, "stop"])).toMatchObject({
      code: 2,
      output: expect.stringMatching(/^stop needs the name of a daemon/),
    });
    expect((await scope.run([REEVE, "stop", "web", "--force"])).code).toBe(2);
    expect((await scope.run([REEVE, "healthcheck", "--jsn"])).code).toBe(1);
    await scope.untilOne(/^sleep 79003/);
  },
);

check("a signal goes to the daemon that is named", [reeve], async (scope) => {
  const script = `trap 'echo got it > ${scope.path("got")}' USR1\nwhile :; do sleep 0.1; done\n`;
  const path = scope.write("catch.sh", script, 0o755);
  await instance(scope, [`attach-daemon2 = name=web,cmd=sh ${path}`]);
  await until("the daemon catches the signal", async () => {
    await expectAsked(scope, "wait web", 0, "");
    return (await ask(scope, "signal usr1 web")).code === 0 && existsSync(scope.path("got"));
  });
  await expectAsked(scope, "signal NOPE web", 2, /^unknown signal "NOPE"/);
});

check("a configuration with a fault is shown with its line, and changes nothing", [reeve], async (scope) => {
  const running = await instance(scope, ["attach-daemon2 = name=web,cmd=sleep 79004"]);
  const id = await scope.untilOne(/^sleep 79004/);
  scope.config(["attach-daemon2 = nme=web,cmd=sleep 79004"]);
  await expectAsked(scope, "reload", 2, /test\.ini:3: unknown key "nme".*\n.*the configuration has errors/);
  expect(isAlive(id)).toBe(true);
  expect(running.hasExited).toBe(false);
});

check(
  "a command that is not done in time ends with 124, and what was asked goes on",
  [reeve],
  async (scope) => {
    await instance(scope, [`attach-daemon2 = name=slow,cmd=${SLOW},stop_timeout=20`]);
    await expectAsked(scope, "wait slow", 0, "");
    await expectAsked(
      scope,
      "stop slow --timeout=200ms",
      124,
      /^not done after 0\.2 s: it goes on as change \d+\n$/,
    );
    await expectAsked(scope, "wait slow --down --timeout=20s", 0, "");
    await expectAsked(scope, "wait slow --timeout=100ms", 124, "slow: not ready after 0.1 s\n");
    await expectAsked(scope, "stop slow --no-wait", 0, /^change \d+\n$/);
  },
);

check("a client that is killed midway leaves the change to the instance", [reeve], async (scope) => {
  await instance(scope, [`attach-daemon2 = name=slow,cmd=${SLOW},stop_timeout=20`]);
  await expectAsked(scope, "wait slow", 0, "");
  const client = scope.reeve(["stop", "slow", "--socket", scope.path("run", "control")]);
  await until("the stop is under way", async () => (await statesOf(scope))["slow"] === "stopping");
  await client.kill();
  await expectAsked(scope, "wait slow --down --timeout=20s", 0, "");
});

check(
  "without an instance a command ends with 7, healthcheck with 1",
  [reeve, root, SETPRIV],
  async (scope) => {
    const runtime = scope.directoryFor("runtime", 0o777);
    const options = { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } };
    const none = await scope.run([REEVE, "status", "-c", scope.config(["attach-daemon = true"])], options);
    expect(none).toMatchObject({ code: 7, output: expect.stringContaining("no instance runs") });
    expect(await scope.run([REEVE, "healthcheck", "--socket", `${runtime}/no`], options)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^unhealthy: no instance runs/),
    });
    expect(await scope.run([REEVE, "names"], options)).toEqual({ code: 0, output: "" });
  },
);

check("of several instances one is named by its name, its file, its socket or the variable", [
  reeve,
  root,
  SETPRIV,
], async (scope) => {
  const runtime = scope.directoryFor("runtime", 0o777);
  const options = { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } };
  const one = scope.write("one.ini", "[uwsgi]\nattach-daemon2 = name=a,cmd=sleep 79005\n");
  const two = scope.write("two.ini", "[uwsgi]\nattach-daemon2 = name=b,cmd=sleep 79006\n");
  for (const file of [one, two]) await scope.reeve(file, options).untilLog(/reeve is up/);
  const { code, output } = await scope.run([REEVE, "status"], options);
  // Instances of root may run on this host: they are not ours to be seen.
  expect([code, output]).toEqual([
    2,
    expect.stringMatching(/which one\?.* one \(pid \d+, .*one\.ini\), two \(/),
  ]);
  const socket = `${runtime}/reeve/two/control`;
  for (const words of [["--instance", "two"], ["-c", "two.ini"], ["--socket", socket]]) {
    expect((await scope.run([REEVE, "status", ...words], options)).output).toContain("\nb ");
  }
  const environment = { ...options.environment, REEVE_SOCKET: socket };
  expect((await scope.run([REEVE, "status"], { ...options, environment })).output).toContain("\nb ");
});

check("another user may do what control-allow says, and no more", [reeve, root, SETPRIV], async (scope) => {
  scope.directoryFor("run", 0o755);
  await instance(scope, ["control-allow = 54332:read", "attach-daemon2 = name=web,cmd=sleep 79007"]);
  const socket = ["--socket", scope.path("run", "control")];
  const options = { wrap: AS_USER };
  expect(await scope.run([REEVE, "status", ...socket], options)).toMatchObject({ code: 0 });
  expect(await scope.run([REEVE, "stop", "web", ...socket], options)).toMatchObject({
    code: 4,
    output: expect.stringContaining("operate"),
  });
  await scope.untilOne(/^sleep 79007/);
});

check("whom nothing is allowed is not let in", [reeve, root, SETPRIV], async (scope) => {
  await instance(scope, ["attach-daemon2 = name=web,cmd=sleep 79008"]);
  const command = [REEVE, "status", "--socket", scope.path("run", "control")];
  expect(await scope.run(command, { wrap: AS_USER })).toMatchObject({
    code: 4,
    output: expect.stringContaining("not allowed to use control socket"),
  });
});

check("--stop and --reload of a pidfile end with what became of it", [reeve], async (scope) => {
  const pidfile = scope.path("reeve.pid");
  const running = await instance(scope, [
    `pidfile = ${pidfile}`,
    `attach-daemon2 = name=slow,cmd=${SLOW},stop_timeout=20`,
  ]);
  await expectAsked(scope, "wait slow", 0, "");
  const pid = readFileSync(pidfile, "utf8").trim();
  expect(await scope.run([REEVE, "--stop", pidfile])).toEqual({
    code: 0,
    output: `stopped reeve, pid ${pid}\n`,
  });
  expect(running.hasExited || (await running.untilExit()).code === 0).toBe(true);
});

check("events are shown with who asked, and go on as they come", [reeve], async (scope) => {
  await instance(scope, ["attach-daemon2 = name=web,cmd=sleep 79009"]);
  await expectAsked(scope, "wait web", 0, "");
  const follower = scope.reeve(["events", "-f", "--since=1h", "--socket", scope.path("run", "control")]);
  await follower.untilLog(/web .*> running/);
  await ask(scope, "restart web");
  await follower.untilLog(/^\d\d:\d\d:\d\d\.\d{3} web running > stopping \(by \S+: restart\)$/m);
  await expectAsked(scope, "events web --json", 0, /^\{"id":\d+,"time":"[^]*"service":"web"/);
});

check("status --watch shows what changes, and ends with its reader", [reeve], async (scope) => {
  await instance(scope, ["attach-daemon2 = name=web,cmd=sleep 79010"]);
  const socket = scope.path("run", "control");
  const watcher = scope.reeve(["status", "--watch", "--json", "--socket", socket]);
  await watcher.untilLog(/"state":"running"/);
  await ask(scope, "stop web");
  await watcher.untilLog(/"state":"down"/);
  await watcher.kill();
  const line = `"$0" status --watch --socket "$1" | head -1; echo "\${PIPESTATUS[0]}"`;
  const reader = scope.start(["bash", "-c", line, REEVE, socket]);
  await reader.untilLog(/NAME/);
  await ask(scope, "start web");
  await ask(scope, "stop web");
  expect(await reader.untilExit()).toEqual({ code: 0, output: expect.stringMatching(/^NAME.*\n0\n$/) });
});

/** Runs a command on a terminal of 80 columns, and types ^C where `interrupt` is shown. */
async function onTerminal(scope: Scope, words: readonly string[], interrupt: RegExp | null): Promise<string> {
  let shown = "";
  const child = Bun.spawn([REEVE, ...words, "--socket", scope.path("run", "control")], {
    env: { ...scope.environment, TERM: "xterm" },
    cwd: scope.directory,
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => void (shown += new TextDecoder().decode(bytes)),
    },
  });
  if (interrupt !== null) {
    await until(`the terminal shows ${interrupt}`, () => interrupt.test(shown), { explain: () => shown });
    child.terminal?.write("\x03");
  }
  await until("it has ended", () => child.exitCode !== null || child.signalCode !== null, {
    explain: () => shown,
  });
  return `${shown}code ${child.exitCode}`;
}

check("on a terminal the progress is one line, and Ctrl-C ends the command alone", [reeve], async (scope) => {
  await instance(scope, [
    `attach-daemon2 = name=slow,cmd=${SLOW},stop_timeout=20`,
    `attach-daemon2 = name=${"long".repeat(16)},cmd=sleep 79011`,
  ]);
  await expectAsked(scope, "wait all", 0, "");
  const table = await onTerminal(scope, ["status"], null);
  for (const line of table.replaceAll(/\x1b\[[\d;]*m/g, "").split("\r\n")) {
    expect(line.length).toBeLessThanOrEqual(80);
  }
  expect(table).toContain("\x1b[32mrunning\x1b[0m");
  const shown = await onTerminal(scope, ["stop", "slow"], /slow stopping, 1 s of 20 s/);
  expect(shown).toMatch(/\r\x1b\[Kgoes on as change \d+\r\ncode 130$/);
  await expectAsked(scope, "wait slow --down --timeout=20s", 0, "");
});

check(
  "the shell completes names of daemons",
  [reeve, program("bash")],
  async (scope) => {
    await instance(scope, [
      "attach-daemon2 = name=web-1,cmd=sleep 79012",
      "attach-daemon2 = name=web-2,cmd=sleep 79013",
    ]);
    const script = scope.path("completion.bash");
    writeFileSync(script, (await scope.run([REEVE, "completion", "bash"])).output);
    chmodSync(script, 0o644);
    const words = [REEVE, "restart", "--socket", scope.path("run", "control"), "we"];
    const line =
      'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reeve; printf "%s\\n" "${COMPREPLY[@]}"';
    const offered = (last: string) =>
      scope.run(["bash", "--norc", "-c", line, script, ...words.slice(0, -1), last]).then(({ output }) =>
        output
      );
    expect(await offered("we")).toBe("web-1\nweb-2\n");
    expect(await offered("web-2")).toBe("web-2\n");
  },
);

check("--reload of a pidfile tells what became of it, where the instance has a socket", [
  reeve,
  root,
  SETPRIV,
], async (scope) => {
  const runtime = scope.directoryFor("runtime", 0o777);
  const options = { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } };
  const pidfile = `${runtime}/reeve.pid`;
  const lines = (last: string) => `[uwsgi]\npidfile = ${pidfile}\n${last}\n`;
  const file = scope.write("app.ini", lines("attach-daemon2 = name=web,cmd=sleep 79015"));
  await scope.reeve(file, options).untilLog(/reeve is up/);
  expect(await scope.run([REEVE, "--reload", pidfile], options)).toEqual({ code: 0, output: "reloaded\n" });
  await scope.untilOne(/^sleep 79015/);
  scope.write("app.ini", lines("attach-daemon2 = nme=web,cmd=sleep 79015"));
  expect(await scope.run([REEVE, "--reload", pidfile], options)).toMatchObject({
    code: 2,
    output: expect.stringContaining('app.ini:3: unknown key "nme"'),
  });
});

check("fish and zsh complete names of daemons", [reeve, program("fish"), program("zsh")], async (scope) => {
  await instance(scope, ["attach-daemon2 = name=webby,cmd=sleep 79016"]);
  symlinkSync(REEVE, `${scope.directoryFor("bin")}/reeve`);
  const environment = {
    REEVE_SOCKET: scope.path("run", "control"),
    TERM: "dumb",
    PATH: `${scope.path("bin")}:${SYSTEM_PATH}`,
  };
  const script = async (shell: string): Promise<string> =>
    scope.write(`completion.${shell}`, (await scope.run([REEVE, "completion", shell])).output);
  const fish = ["fish", "--no-config", "-c", `source ${await script("fish")}; complete -C "reeve restart w"`];
  expect((await scope.run(fish, { environment })).output).toBe("webby\n");
  const program = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; autoload -Uz compinit; compinit -D; source $1; print -r -- REA''DY"
zpty -r shell text '*READY*'
zpty -w -n shell "reeve restart we"$'\\t'
zpty -r shell text '*webby*'
print -r -- completed
zpty -d shell`;
  const zsh = ["timeout", "60", "zsh", "-f", "-c", program, "zsh", await script("zsh")];
  expect((await scope.run(zsh, { environment })).output).toBe("completed\n");
}, 90);
