/** An instance that answers what a test tells it to, and the world of a command beside it. */
import type { Connection } from "../../../lib/cli/operate/connection.ts";
import type { ClientAnswer as Answer } from "../../../lib/control/client.ts";
import type { OperateDeps } from "../../../lib/cli/operate/deps.ts";
import { type CommandFailure, type OperateWords, operateWords } from "../../../lib/cli/operate/words.ts";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { Output } from "../../../lib/cli/shared/output.ts";
import { NOW } from "./services.ts";

export const done = (result: unknown): Answer => ({ status: 200, body: { type: "sync", result } });
export const later = (change: string): Answer => ({
  status: 202,
  body: { type: "async", result: null, change },
});
export const refused = (status: number, kind: string, message: string): Answer => ({
  status,
  body: { type: "error", result: { message, kind } },
});

export function wordsOf(text: string): OperateWords {
  return operateWords(parseCommandLine(text.split(" ")));
}

export interface FakeOptions {
  /** Columns of the terminal; absent: there is none. */
  readonly columns?: number;
  /** Lines of each stream; after the last one it stays open. */
  readonly events?: AsyncIterable<string>;
}

/** Text that was written, questions that were asked. The clock stands still but for what is slept. */
export class FakeWorld {
  readonly asked: string[] = [];
  readonly bodies: unknown[] = [];
  readonly deps: OperateDeps;
  readonly connection: Connection;
  out = "";
  err = "";
  interrupt: (() => void) | null = null;
  time = NOW;

  constructor(answer: (path: string, method: string) => Answer | Promise<Answer>, options: FakeOptions = {}) {
    const output = (add: (text: string) => void): Output =>
      new Output({
        write: (bytes) => {
          add(new TextDecoder().decode(bytes));
          return bytes.length;
        },
        isTerminal: () => false,
      }, {});
    this.connection = {
      ask: async (method, path, body) => {
        this.asked.push(`${method} ${path}`);
        this.bodies.push(body);
        return await answer(path, method);
      },
      follow: async () => await Promise.resolve(options.events ?? silence()),
      close: () => {},
    };
    this.deps = {
      outputs: { out: output((text) => this.out += text), err: output((text) => this.err += text) },
      connect: async () => await Promise.resolve(this.connection),
      now: () => this.time,
      sleep: async (milliseconds) => {
        await Bun.sleep(0);
        this.time += milliseconds;
      },
      columns: () => options.columns ?? null,
      onInterrupt: (handle) => {
        this.interrupt = handle;
        return () => void (this.interrupt = null);
      },
    };
  }
}

/** A stream of nothing. */
function silence(): AsyncIterable<string> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
}

/** The failure that a command ends with. */
export async function failureOf(
  running: Promise<unknown>,
): Promise<Pick<CommandFailure, "code" | "message">> {
  try {
    await running;
  } catch (error) {
    const { code, message } = error as CommandFailure;
    return { code, message };
  }
  throw new Error("it did not fail");
}
