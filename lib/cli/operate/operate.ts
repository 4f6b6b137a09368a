/**
 * The commands to a running instance: each is loaded when it is asked for, and ends with an exit code of the
 * one table.
 */
import type { CommandLine } from "../shared/argv.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import type { Connection } from "./connection.ts";
import { ConnectionLost } from "../../control/client.ts";
import type { OperateDeps } from "./deps.ts";
import { realDeps } from "./real_deps.ts";
import { CommandFailure, needNames, type OperateWords, operateWords } from "./words.ts";

export type OperateCommand =
  | "status"
  | "start"
  | "stop"
  | "restart"
  | "signal"
  | "wait"
  | "events"
  | "reload"
  | "apply"
  | "healthcheck"
  | "names";

export async function operate(
  command: OperateCommand,
  line: Pick<CommandLine, "command" | "operands" | "flags">,
  outputs: Outputs,
  makeDeps: (outputs: Outputs) => OperateDeps = realDeps,
): Promise<number> {
  const deps = makeDeps(outputs);
  if (command === "names") return (await import("./names.ts")).names(line.operands, deps);
  if (command === "healthcheck") return (await import("./healthcheck.ts")).healthcheck(line, deps);
  try {
    return await perform(command, operateWords(line), deps);
  } catch (error) {
    if (error instanceof CommandFailure) {
      if (error.message !== "") outputs.err.line(error.message);
      return error.code;
    }
    if (!(error instanceof ConnectionLost)) throw error;
    outputs.err.line(
      `cannot ${command}: the instance went away before it answered: "reeve status" tells how it is`,
    );
    return EXIT.failure;
  }
}

async function perform(command: OperateCommand, words: OperateWords, deps: OperateDeps): Promise<number> {
  if (command === "signal" && words.has("list")) {
    return (await import("./signal.ts")).listSignals(deps.outputs.out);
  }
  const run = await loadCommand(command, words);
  const connection = await deps.connect(words.instance);
  try {
    return await run(words, connection, deps);
  } finally {
    connection.close();
  }
}

type Run = (words: OperateWords, connection: Connection, deps: OperateDeps) => Promise<number>;

/** Wrong words are said before anything is asked. Throws CommandFailure. */
async function loadCommand(command: OperateCommand, words: OperateWords): Promise<Run> {
  switch (command) {
    case "status":
      return (await import("./status.ts")).status;
    case "signal": {
      const { signal, signalOf } = await import("./signal.ts");
      const [word = "", ...names] = words.names;
      signalOf(word, names);
      return signal;
    }
    case "wait": {
      const { conditionOf, wait } = await import("./wait.ts");
      needNames(words);
      conditionOf(words);
      return wait;
    }
    case "events":
      return (await import("./events.ts")).events;
    case "apply":
      return (await import("./apply.ts")).apply;
    case "reload":
      return (await import("./reload.ts")).reload;
    default:
      needNames(words);
      return (await import("./act.ts")).act;
  }
}
