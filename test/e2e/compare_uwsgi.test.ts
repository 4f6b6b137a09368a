/**
 * The same configuration run by uwsgi-core and by reeve: what a daemon finds of itself is compared field by
 * field. A field that differs on purpose is in DELIBERATE with its reason; any other difference is a failure.
 */
import { expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, program, reeve, root, user } from "./need.ts";
import { inspect, signal } from "./process.ts";
import { until } from "./wait.ts";

/** What test/fixtures/print_state.c prints. */
type State = Readonly<Record<string, unknown>>;

const FIRST = ["setpriv", "--groups=4,27"];

/** Fields that differ on purpose, and what must hold instead. */
const DELIBERATE: Readonly<Record<string, { why: string; holds: (ours: State, theirs: State) => void }>> = {
  ignored: {
    why:
      "uWSGI ignores SIGPIPE and an ignored signal survives exec; reeve gives a daemon default dispositions",
    holds: (ours, theirs) => {
      expect(ours["ignored"]).toEqual([]);
      expect(theirs["ignored"]).toEqual([13]);
    },
  },
  environment: {
    why: "uWSGI's daemons also see the variables of its own machinery and of its shell",
    holds: (ours, theirs) => {
      const own = new Set(ours["environment"] as string[]);
      const only = (theirs["environment"] as string[]).filter((entry) => !own.has(entry));
      expect(
        only.filter((entry) => !/^(UWSGI_RELOADS|UWSGI_ORIGINAL_PROC_NAME|PWD|OLDPWD|SHLVL|_)=/.test(entry)),
      )
        .toEqual([]);
      const others = new Set(theirs["environment"] as string[]);
      expect([...own].filter((entry) => !others.has(entry) && !entry.startsWith("UWSGI_ORIGINAL_PROC_NAME=")))
        .toEqual([]);
    },
  },
  rlimits: {
    why: "the soft limit of file locks, which nothing enforces, is a dumb daemon's birthmark",
    holds: (ours, theirs) => {
      const [own, others] = [ours, theirs].map((state) => [...state["rlimits"] as [string, string][]]);
      const [marked] = own?.splice(RLIMIT_LOCKS, 1, ["", ""]) ?? [];
      const [plain] = others?.splice(RLIMIT_LOCKS, 1, ["", ""]) ?? [];
      expect(own).toEqual(others);
      expect(marked?.[1]).toBe(plain?.[1] as string);
      expect(BigInt(marked?.[0] ?? 0) >> 62n).toBe(1n);
    },
  },
  groups: {
    why: "a daemon with a uid gets the supplementary groups of that user; uWSGI leaves it those of root",
    holds: (ours) =>
      expect((ours["groups"] as number[]).filter((group) => group === 4 || group === 27)).toEqual([]),
  },
};

/** Pids differ; what they mean must not. Whose child it is, is told apart below. */
function normalise(state: State): Record<string, unknown> {
  const { pid, ppid: _ppid, sid, pgid, args, environment: _environment, fds, ...rest } = state;
  return {
    ...rest,
    leadsSession: sid === pid,
    leadsGroup: pgid === pid,
    arguments: (args as string[]).length,
    fds: Object.fromEntries(
      Object.entries(fds as Record<string, string>).map((
        [fd, target],
      ) => [fd, target.replace(/log\.\d+$/, "log")]),
    ),
  };
}

async function stateUnder(scope: Scope, supervisor: Supervisor, file: string): Promise<State> {
  return await until("the daemon's state", () => {
    try {
      return JSON.parse(scope.read(file)) as State;
    } catch {
      return null;
    }
  }, { explain: () => supervisor.log() });
}

/**
 * Runs the lines under both, one after the other, and resolves with the two states. FILE stands for the
 * state's file.
 */
async function runBoth(scope: Scope, lines: readonly string[]): Promise<{ ours: State; theirs: State }> {
  scope.directoryFor("work");
  scope.directoryFor("out", 0o777);
  const config = (file: string) =>
    scope.config(lines.map((line) => line.replaceAll("FILE", scope.path("out", file))), `${file}.ini`);
  const uwsgi = scope.uwsgi(config("theirs"), { wrap: FIRST });
  const theirs = await stateUnder(scope, uwsgi, "out/theirs");
  signal(uwsgi.id, "SIGKILL");
  const reeveRun = scope.reeve(config("ours"), { wrap: FIRST });
  const ours = await stateUnder(scope, reeveRun, "out/ours");
  expect(ours["ppid"]).toBe(reeveRun.id.pid);
  await reeveRun.stop();
  return { ours, theirs };
}

const RLIMIT_LOCKS = 10;

const STATE = `${fixture("print_state")} FILE hang`;

interface Case {
  readonly name: string;
  readonly lines: readonly string[];
  /** Fields of DELIBERATE that this configuration meets, besides those that every one meets. */
  readonly differs: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "a plain daemon", lines: [`attach-daemon = exec ${STATE}`], differs: ["rlimits"] },
  {
    name: "a daemon with environment, umask and directory of the instance",
    lines: [
      "env = COLOUR=blue",
      "env = EMPTY=",
      "umask = 027",
      "chdir = work",
      `attach-daemon = exec ${STATE}`,
    ],
    differs: ["rlimits"],
  },
  {
    name: "a daemon with uid, gid and chdir of its own",
    lines: ["user-env = inherit", `attach-daemon2 = cmd=exec ${STATE},uid=65534,gid=65534,chdir=/`],
    differs: ["groups", "rlimits"],
  },
  {
    name: "a smart daemon that stays in the foreground",
    lines: [`smart-attach-daemon = FILE.pid exec ${STATE}`],
    differs: [],
  },
  {
    name: "a daemon of an instance with uid and gid",
    lines: ["user-env = inherit", "uid = nobody", "gid = nogroup", `attach-daemon = exec ${STATE}`],
    differs: ["groups", "rlimits"],
  },
  {
    name: "a daemon whose supervisor puts it into the background",
    lines: [`smart-attach-daemon2 = FILE.pid exec ${STATE}`],
    differs: [],
  },
];

for (const one of CASES) {
  check(`${one.name} finds the same state under uWSGI and under reeve`, [
    reeve,
    root,
    user("nobody"),
    program("uwsgi", "uwsgi-core"),
  ], async (scope) => {
    const { ours, theirs } = await runBoth(scope, one.lines);
    const fields = ["ignored", "environment", ...one.differs];
    for (const field of fields) DELIBERATE[field]?.holds(ours, theirs);
    const drop = (state: State) =>
      Object.fromEntries(Object.entries(normalise(state)).filter(([name]) => !fields.includes(name)));
    expect(drop(ours)).toEqual(drop(theirs));
  });
}

check("a command without shell syntax is reeve's own child, where uWSGI keeps a shell between", [
  reeve,
  program("uwsgi", "uwsgi-core"),
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 86393"]);
  const uwsgi = scope.uwsgi(config);
  const theirs = await scope.untilOne(/^sleep 86393/);
  expect(inspect(theirs.parent)?.name).toBe("sh");
  await uwsgi.kill();
  await until("uWSGI's daemon was found and ended", () => {
    for (const one of scope.matching(/sleep 86393/)) signal(one, "SIGKILL");
    return scope.matching(/sleep 86393/).length === 0;
  });
  const supervisor = scope.reeve(config);
  const ours = await scope.untilOne(/^sleep 86393/);
  expect(ours.parent).toBe(supervisor.id.pid);
  expect([ours.session, ours.group]).toEqual([ours.pid, ours.pid]);
});
