import { UNCONFINED } from "../../lib/sys/child/child_spec.ts";
import { expect, test } from "bun:test";
import type { Command, Identity } from "../../lib/config/plan/daemon_plan.ts";
import type { Hook, HookAction, HookPhase } from "../../lib/config/plan/hook_plan.ts";
import type { JailPlace } from "../../lib/jail/place.ts";
import { HOOK_REQUEST, HOOK_VARIABLE } from "../../lib/hooks/child.ts";
import { decode } from "../../lib/records/codec.ts";
import type { HookDeps } from "../../lib/hooks/deps.ts";
import type { CommandEnd, CommandOptions } from "../../lib/process/command_runner.ts";
import { HookExit, HookFailure, HookRunner } from "../../lib/hooks/hooks.ts";

const USER: Identity = { uid: 33, gid: 33, groups: [33], user: "www-data" };
const OK: CommandEnd = { kind: "exited", code: 0 };

function hook(phase: HookPhase, action: HookAction, shown = JSON.stringify(action)): Hook {
  return { phase, action, shown, origin: { file: "x.ini", line: 1 } };
}
const exec = (command: string, mayFail = false): HookAction => ({ kind: "exec", command, mayFail });

function makeRunner(
  hooks: Hook[],
  identity: Identity | null = null,
  ends: Record<string, CommandEnd | Error> = {},
  more: Partial<HookDeps> = {},
) {
  const ran: { text: string; options: CommandOptions }[] = [];
  const done: string[] = [];
  const lines: string[] = [];
  const world: HookDeps = {
    runCommand: (command: Command, options) => {
      ran.push({ text: command.text, options });
      const end = ends[command.text] ?? OK;
      return end instanceof Error ? Promise.reject(end) : Promise.resolve(end);
    },
    parseCommand: (text) => ({ kind: "words", text, words: text.split(" ") }),
    wait: ({ target, timeout }) => {
      done.push(`wait ${target} ${timeout}`);
      return Promise.resolve();
    },
    jail: () => null,
    changeJail: () => Promise.reject(new Error("there is no jail")),
    log: (level, text) => lines.push(`${level} ${text}`),
    self: ["/usr/bin/reeve"],
    format: { format: "text", date: null, prefix: null, colour: false },
    perform: (action, context) => {
      if (action.kind === "unlink") throw new Error('cannot unlink "x": no such file or directory');
      const root = context.root === null ? "" : ` root ${context.root}`;
      done.push(`${action.kind} in ${context.cwd} umask ${context.umask}${root}`);
    },
    ...more,
  };
  const environment = { list: ["PATH=/bin"], path: "/bin" };
  const runner = new HookRunner({ hooks, identity, umask: 0o22 }, world, environment, "/start");
  const run = (phase: HookPhase, signal = new AbortController().signal) => runner.run(phase, signal);
  return { runner, run, ran, done, lines };
}

test("the hooks of one phase run in order, each once, with uWSGI's line", async () => {
  const { run, ran, lines } = makeRunner([
    hook("as-root", exec("one"), "exec:one"),
    hook("as-user", exec("other")),
    hook("as-root", exec("two"), "two"),
  ]);
  await run("as-root");
  expect(ran.map((call) => call.text)).toEqual(["one", "two"]);
  expect(lines).toEqual(['info running "exec:one" (as root)...', 'info running "two" (as root)...']);
});

test("what a hook changes holds for those after it", async () => {
  const { runner, run, ran, done } = makeRunner([
    hook("asap", { kind: "putenv", name: "A", value: "1" }),
    hook("asap", { kind: "chdir", path: "/srv" }),
    hook("asap", { kind: "chdir", path: "app" }),
    hook("asap", exec("show")),
    hook("asap", { kind: "wait", what: "file", target: "/x" }),
  ]);
  await run("asap");
  expect(ran[0]?.options).toMatchObject({ cwd: "/srv/app", environment: { list: ["PATH=/bin", "A=1"] } });
  expect(done).toEqual(["chdir in /start umask 18", "chdir in /srv umask 18", "wait /x 60"]);
  expect(runner.environment.list).toEqual(["PATH=/bin", "A=1"]);
});

test("with a user set the phases of the user have that user's rights, those of root have not", async () => {
  const phases = [
    "asap",
    "as-root",
    "as-user",
    "pre-app",
    "post-app",
    "master-start",
    "as-user-atexit",
  ] as const;
  const { run, ran } = makeRunner(phases.map((phase) => hook(phase, exec(phase))), USER);
  for (const phase of phases) await run(phase);
  expect(ran.map((call) => [call.text, call.options.identity?.uid ?? 0])).toEqual([
    ["asap", 0],
    ["as-root", 0],
    ["as-user", 33],
    ["pre-app", 33],
    ["post-app", 33],
    ["master-start", 33],
    ["as-user-atexit", 33],
  ]);
});

test("a built-in action of a user's phase is done by a child of that user, unseen in its arguments", async () => {
  const { run, ran, done } = makeRunner([
    hook("as-user", { kind: "write", path: "f", text: "secret", append: false, newline: false }, "[hidden]"),
  ], USER);
  await run("as-user");
  expect(done).toEqual([]);
  expect(ran[0]?.text).toBe("/usr/bin/reeve __hook");
  expect(ran[0]?.options.identity).toEqual(USER);
  const packed = ran[0]?.options.environment.list.find((entry) => entry.startsWith(`${HOOK_VARIABLE}=`)) ??
    "";
  expect(decode(HOOK_REQUEST, packed.slice(HOOK_VARIABLE.length + 1))).toMatchObject({
    action: { kind: "write", text: "secret" },
    context: { cwd: "/start", umask: 18 },
    hidden: true,
  });
});

test("a command that fails ends the phase, also when a signal killed it", async () => {
  const one = makeRunner([hook("as-root", exec("bad")), hook("as-root", exec("next"))], null, {
    bad: { kind: "exited", code: 3 },
  });
  await expect(one.run("as-root")).rejects.toThrow('command "bad" exited with non-zero code: 3');
  const two = makeRunner([hook("as-root", exec("bad"))], null, { bad: { kind: "killed", signal: 11 } });
  await expect(two.run("as-root")).rejects.toThrow('command "bad" was killed by signal 11');
  const three = makeRunner([hook("as-root", exec("bad"))], null, { bad: new Error("exec: no such file") });
  const failure = await three.run("as-root").catch((problem: unknown) => problem);
  expect(failure).toBeInstanceOf(HookFailure);
  expect((failure as HookFailure).message).toBe('cannot run "bad": exec: no such file');
  expect(one.ran.length).toBe(1);
});

test("safeexec only logs, and so does every failure at exit", async () => {
  const ends = { bad: { kind: "exited", code: 3 } } as const;
  const safe = makeRunner([hook("as-root", exec("bad", true)), hook("as-root", exec("next"))], null, ends);
  await safe.run("as-root");
  expect(safe.ran.length).toBe(2);
  expect(safe.lines).toContain('warning command "bad" exited with non-zero code: 3');
  const exit = makeRunner(
    [
      hook("as-user-atexit", exec("bad")),
      hook("as-user-atexit", { kind: "unlink", path: "x" }),
      hook("as-user-atexit", exec("next")),
    ],
    null,
    ends,
  );
  await exit.run("as-user-atexit");
  expect(exit.ran.length).toBe(2);
  expect(exit.lines.filter((line) => line.startsWith("error")).length).toBe(2);
});

test("a hidden hook shows nothing, neither when it runs nor when it fails", async () => {
  const { run, lines } = makeRunner([hook("as-root", exec("secret"), "[hidden]")], null, {
    secret: { kind: "exited", code: 1 },
  });
  const failure = await run("as-root").catch((problem: unknown) => problem);
  expect((failure as Error).message).toBe('command "[hidden]" exited with non-zero code: 1');
  expect(lines).toEqual(["info running --- PRIVATE HOOK --- (as root)..."]);
});

test("the action exit carries its code", async () => {
  const { run } = makeRunner([hook("as-root", { kind: "exit", code: 5 }), hook("as-root", exec("next"))]);
  const failure = await run("as-root").catch((problem: unknown) => problem);
  expect(failure).toBeInstanceOf(HookExit);
  expect((failure as HookExit).code).toBe(5);
});

test("when the instance is told to stop the phase ends with that reason and not as a failure", async () => {
  const control = new AbortController();
  const { run, ran } = makeRunner([hook("as-root", exec("long")), hook("as-root", exec("next"))], null, {
    get long(): CommandEnd {
      control.abort(new Error("told to stop"));
      return { kind: "killed", signal: 15 };
    },
  });
  const failure = await run("as-root", control.signal).catch((problem: unknown) => problem);
  expect((failure as Error).message).toBe("told to stop");
  expect(ran.length).toBe(1);
});

/**
 * With a jail whose root is `root`; what is changed in it is noted, and fails for the hook's words in
 * `broken`.
 */
function inJail(hooks: Hook[], identity: Identity | null = null, broken: readonly string[] = []) {
  const changes: string[] = [];
  const jail = { place: true };
  const made = makeRunner(hooks, identity, {}, {
    jail: () => jail.place ? PLACE : null,
    changeJail: ({ mounts, hostname }) => {
      const text = hostname ?? mounts.map(({ kind, target, flags }) => `${kind} ${target} ${flags}`).join();
      changes.push(text);
      return broken.some((word) => text.startsWith(word))
        ? Promise.reject(new Error("invalid argument"))
        : Promise.resolve();
    },
  });
  made.runner.enterJail({ list: ["INSIDE=1"], path: "/bin" });
  return { ...made, changes, jail };
}

const PLACE: JailPlace = {
  initPid: 77,
  rootFd: 12,
  pidNamespaceFd: null,
  confinement: UNCONFINED,
  translatePid: () => null,
  pidInside: () => null,
};

test("phases inside act in the jail, with its environment and from its root on; those outside do not", async () => {
  const { run, ran, done, runner } = inJail([
    hook("post-jail", exec("outside")),
    hook("as-root", { kind: "putenv", name: "LATE", value: "x" }),
    hook("as-root", { kind: "chdir", path: "srv" }),
    hook("as-root", exec("inside")),
    hook("as-root", { kind: "mkdir", path: "made" }),
  ]);
  await run("post-jail");
  await run("as-root");
  expect(ran.map(({ text, options }) => [text, options.inside, options.cwd, options.environment.list]))
    .toEqual([
      ["outside", false, "/start", ["PATH=/bin"]],
      ["inside", true, "//srv", ["INSIDE=1", "LATE=x"]],
    ]);
  expect(done).toEqual(["chdir in / umask 18 root 12", "mkdir in //srv umask 18 root 12"]);
  expect([runner.cwd, runner.environment.list]).toEqual(["//srv", ["INSIDE=1", "LATE=x"]]);
});

test("the user's actions inside are a child outside that holds the jail's root", async () => {
  const { run, ran, jail } = inJail([hook("as-user", { kind: "create", path: "x" }, "create:x")], USER);
  await run("as-user");
  const { text, options } = ran[0]!;
  expect([text, options.inside, options.cwd, options.identity]).toEqual([
    "/usr/bin/reeve __hook",
    false,
    "/",
    USER,
  ]);
  expect([...options.fds ?? []]).toEqual([[3, 12]]);
  const packed = options.environment.list.find((entry) => entry.startsWith(`${HOOK_VARIABLE}=`))!;
  expect(decode(HOOK_REQUEST, packed.slice(HOOK_VARIABLE.length + 1)).context).toEqual({
    cwd: "/",
    umask: 18,
    root: 3,
  });
  jail.place = false;
  await expect(run("as-user")).rejects.toThrow('cannot create "x": the jail does not run');
});

test("mounts and the host name are a change of the jail; one that is half made is taken back", async () => {
  const bind: HookAction = {
    kind: "mount",
    type: "none",
    source: "./data",
    target: "mnt",
    flags: ["bind", "ro", "private"],
    data: null,
  };
  const hooks = [
    hook("as-root", { kind: "hostname", name: "inner" }),
    hook("as-root", bind),
    hook("as-root", { kind: "umount", target: "/mnt", flags: ["detach"] }),
  ];
  const well = inJail(hooks);
  await well.run("as-root");
  expect(well.changes).toEqual(["inner", "bind //mnt 1", `plain //mnt ${1 << 18}`, "umount /mnt 2"]);
  const half = inJail([hook("as-root", bind)], null, ["plain"]);
  await expect(half.run("as-root")).rejects.toThrow('cannot mount "./data" on "mnt": invalid argument');
  expect(half.changes).toEqual(["bind //mnt 1", `plain //mnt ${1 << 18}`, "umount //mnt 2"]);
  const none = inJail([hook("as-root", bind)], null, ["bind"]);
  await expect(none.run("as-root")).rejects.toThrow("invalid argument");
  expect(none.changes).toEqual(["bind //mnt 1"]);
  const user = inJail([hook("as-user", bind)], USER);
  await expect(user.run("as-user")).rejects.toThrow("only root may; use a hook of the phase as-root");
  expect(user.changes).toEqual([]);
});
