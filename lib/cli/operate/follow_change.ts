/**
 * Waits for a change of an instance, shows on a terminal how far it is, and ends with what became of it. It
 * never ends the change: that goes on when its client goes.
 */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import { type Change, readChange } from "./show/change.ts";
import { type Connection, pathWith, resultOf } from "./connection.ts";
import { ConnectionLost } from "../../control/client.ts";
import type { OperateDeps } from "./deps.ts";
import { ProgressLine, progressText } from "./show/progress.ts";
import { exitMoment } from "./show/reason.ts";
import { askServices, readServices } from "./services.ts";
import { CommandFailure, type OperateWords } from "./words.ts";

const DEFAULT_SECONDS = 90;
/** One question waits so long at most. */
const QUESTION_SECONDS = 30;
/** On a terminal the line is drawn again so often. */
const REDRAW_SECONDS = 0.5;
/** Between attempts to reach an instance whose core is being replaced, and how long it may take. */
const AGAIN_MS = 20;
const LOST_MS = 20_000;

/**
 * Resolves when it has ended, whichever way. Throws CommandFailure where it was not done in time, or nobody
 * wants to wait any more.
 */
export async function followChange(
  id: string,
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<Change> {
  const line = new ProgressLine(deps.outputs.err, words.isQuiet ? null : deps.columns(2));
  let interrupt = (): void => {};
  const interrupted = new Promise<null>((resolve) => interrupt = () => resolve(null));
  const release = deps.onInterrupt(interrupt);
  try {
    const change = await Promise.race([waitFor(id, words, connection, deps, line), interrupted]);
    line.clear();
    if (change === null) throw new CommandFailure(EXIT.interrupted, `goes on as change ${printable(id)}`);
    return change;
  } finally {
    line.clear();
    release();
  }
}

async function waitFor(
  id: string,
  { timeout }: OperateWords,
  connection: Connection,
  deps: OperateDeps,
  line: ProgressLine,
): Promise<Change> {
  const seconds = timeout ?? DEFAULT_SECONDS;
  const deadline = deps.now() + seconds * 1000;
  const path = `/v1/changes/${encodeURIComponent(id)}`;
  let lostAt: number | null = null;
  for (;;) {
    const left = (deadline - deps.now()) / 1000;
    if (left <= 0) {
      throw new CommandFailure(
        EXIT.timeout,
        `not done after ${seconds} s: it goes on as change ${printable(id)}`,
      );
    }
    const most = Math.min(left, line.isShown ? REDRAW_SECONDS : QUESTION_SECONDS);
    try {
      const question = pathWith(`${path}/wait`, { timeout: `${Math.max(1, Math.round(most * 1000))}ms` });
      const answer = await connection.ask("GET", question);
      if (answer.status !== 504) {
        const change = readChange(resultOf(answer).result);
        if (change.isDone) return change;
      }
      if (line.isShown) {
        const { tasks } = readChange(resultOf(await connection.ask("GET", path)).result);
        line.draw(progressText(tasks));
      }
      lostAt = null;
    } catch (error) {
      lostAt ??= deps.now();
      if (!(error instanceof ConnectionLost) || deps.now() - lostAt > LOST_MS) throw error;
      await deps.sleep(AGAIN_MS);
    }
  }
}

/**
 * The reason why a change failed, the last end of each daemon that is at fault, its last words, and where
 * more is said.
 */
export async function failureText(
  change: Change,
  connection: Connection,
  deps: OperateDeps,
): Promise<string> {
  const lines = [printable(change.error ?? "")];
  for (const { name, log } of change.tasks.filter(({ isGivenUp }) => isGivenUp)) {
    const last = log.at(-1);
    if (last !== undefined) lines.push(`  ${name}: ${last}`);
  }
  const names = change.tasks.filter(({ hasFailed, isAboutDaemon }) => hasFailed && isAboutDaemon)
    .map(({ name }) => name);
  const failed = names.length === 0
    ? []
    : readServices(await askServices(connection, [...new Set(names)]).catch(() => []));
  for (const { name, lastExit, lastLines } of failed) {
    if (lastExit !== null) {
      lines.push(`  ${printable(name)}: last ended with ${exitMoment(lastExit, deps.now())}`);
    }
    lines.push(...lastLines.map((text) => `    ${printable(text)}`));
    lines.push(`  see: reeve status ${printable(name)}, and the log of the instance`);
  }
  return lines.join("\n");
}
