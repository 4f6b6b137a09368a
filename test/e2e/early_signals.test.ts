/**
 * Signals in the first moments of a start: from the executable's first instruction on each has the effect
 * that README gives it. The time before that, while the kernel loads the executable, is nobody's.
 */
import { expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, type Need, pidNamespace, REEVE, reeve } from "./need.ts";
import { identify, signal } from "./process.ts";
import { until } from "./wait.ts";

/** How often each signal is sent at each moment. */
const ROUNDS = Number(process.env["REEVE_SIGNAL_ROUNDS"] ?? 1);
const STEP_MS = 10;
const LAST_MS = 100;
const AT_ONCE = 4;

const SIGNALS = { HUP: 1, INT: 2, QUIT: 3, USR1: 10, USR2: 12, ALRM: 14, TERM: 15 } as const;
type Name = keyof typeof SIGNALS;
const NAMES = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"] as const satisfies readonly Name[];

/** What an instance says when it has heard the signal and lives on. */
const SAYS: Readonly<Partial<Record<Name, RegExp>>> = {
  HUP: /reeve is back/,
  USR1: /desired=/,
  USR2: /there is no log file to reopen/,
};

interface Try {
  readonly name: Name;
  readonly milliseconds: number;
  readonly number: number;
}

function tries(names: readonly Name[]): Try[] {
  const all: Try[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let milliseconds = 0; milliseconds <= LAST_MS; milliseconds += STEP_MS) {
      for (const name of names) all.push({ name, milliseconds, number: all.length });
    }
  }
  return all;
}

/** -> what went wrong, a line for each. */
async function inTurn(all: readonly Try[], run: (one: Try) => Promise<string | null>): Promise<string[]> {
  const left = [...all];
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const problem = await run(one).catch((error: unknown) => String(error));
      if (problem !== null) wrong.push(`${one.name} after ${one.milliseconds} ms: ${problem}`);
    }
  }));
  return wrong;
}

type Place = "first" | "plain";
const PLACES: readonly (readonly [string, Place, readonly Need[]])[] = [
  ["as PID 1", "first", [reeve, pidNamespace]],
  ["not as PID 1", "plain", [reeve]],
];

function start(scope: Scope, place: Place, { name, milliseconds, number }: Try, words: readonly string[]) {
  const early = [fixture("signal_early"), `${milliseconds * 1000}`, `${SIGNALS[name]}`, place];
  return scope.start([...early, scope.path(`pid-${number}`), REEVE, ...words]);
}

function stop(scope: Scope, supervisor: Supervisor, number: number): void {
  const id = identify(Number(scope.read(`pid-${number}`)));
  if (id === null || !signal(id, "SIGTERM")) throw new Error(`it is gone\n${supervisor.log()}`);
}

for (const [where, place, needs] of PLACES) {
  check(`${where}: an instance obeys each signal at each moment of its start`, needs, async (scope) => {
    const wrong = await inTurn(tries(NAMES), async (one) => {
      const config = scope.config(
        [`run-dir = ${scope.path(`run-${one.number}`)}`, `attach-daemon = ${fixture("hang")}`],
        `early-${one.number}.ini`,
      );
      const supervisor = start(scope, place, one, [config]);
      const says = SAYS[one.name];
      if (says !== undefined) {
        await supervisor.untilLog(says, { seconds: 20 });
        stop(scope, supervisor, one.number);
      }
      const { code, output } = await supervisor.untilExit(20);
      return code === 0 ? null : `ended with ${code}: ${output}`;
    });
    expect(wrong).toEqual([]);
  }, 60 + 60 * ROUNDS);

  check(`${where}: COMMAND alone gets each signal at each moment of the start`, needs, async (scope) => {
    const wrong = await inTurn(tries(NAMES), async (one) => {
      const supervisor = start(scope, place, one, ["--", fixture("hang")]);
      const { code, output } = await supervisor.untilExit(20);
      return code === 128 + SIGNALS[one.name] ? null : `ended with ${code}: ${output}`;
    });
    expect(wrong).toEqual([]);
  }, 60 + 60 * ROUNDS);
}

check(
  "beside a configuration COMMAND's signals are not reeve's end while it starts",
  [reeve],
  async (scope) => {
    const all = [0, 5, 10, 15].map((milliseconds, number) => ({
      name: "ALRM" as const,
      milliseconds,
      number,
    }));
    const wrong = await inTurn(all, async (one) => {
      const config = scope.config(
        [`run-dir = ${scope.path(`run-${one.number}`)}`],
        `beside-${one.number}.ini`,
      );
      const words = [config, "--", fixture("hang"), scope.path(`hangs-${one.number}`)];
      const supervisor = start(scope, "plain", one, words);
      // COMMAND, which does not handle it, may live or die of it; reeve is there to the end.
      await until(
        "COMMAND has run",
        () => supervisor.hasExited || /\d/.test(scope.read(`hangs-${one.number}`)),
      );
      await until("the signal was sent", () => /\d/.test(scope.read(`pid-${one.number}`)));
      const id = identify(Number(scope.read(`pid-${one.number}`)));
      if (id !== null) signal(id, "SIGTERM");
      const { output } = await supervisor.untilExit(20);
      return /goodbye to reeve/.test(output) ? null : output;
    });
    expect(wrong).toEqual([]);
  },
);

for (const words of [["check", "-"], ["plan", "-"]]) {
  check(`reeve ${words.join(" ")}: INT ends it while it waits for its input`, [reeve], async (scope) => {
    const supervisor = scope.reeve(words, { stdin: "pipe" });
    supervisor.signal("SIGINT");
    expect((await supervisor.untilExit()).code).toBe(130);
  });
}
