/**
 * The words of the command line to the command that they ask for, and its exit code. Every command is loaded
 * when it is asked for, so that none pays for another. Never ends the process.
 */
import { type CommandLine, parseCommandLine } from "./shared/argv.ts";
import { type CommandName, findCommand } from "./shared/commands.ts";
import type { Configuration } from "../config/language/load.ts";
import { ConfigError } from "../config/diagnostic.ts";
import { quote } from "../config/problem.ts";
import type { OperateCommand } from "./operate/operate.ts";
import { EXIT } from "./shared/exit_code.ts";
import { type Outputs, printable, standardOutputs } from "./shared/output.ts";
import { showDiagnostics } from "./shared/show_diagnostics.ts";
import { type Capsule, type Preparation, takeCapsule, takePreparation } from "../records/capsule.ts";
import { type CheckedFiles, restoreFiles } from "../records/checked_files.ts";
import { HOOK_WORD } from "../hooks/word.ts";
import { letSignalsBe } from "../supervisor/signal_wiring.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import { ownEnvironment } from "../sys/process/own_bytes.ts";

/** The number of a core's end of the socket to its keeper (native/helper/keeper/core.c). */
const KEEPER_VARIABLE = "REEVE_INTERNAL_KEEPER";

/** The purpose of this image of reeve. */
interface Image {
  /** From the image before it; null in a first one. */
  readonly capsule: Capsule | null;
  readonly preparation: Preparation;
}

/** `argv`: without the program's name. */
export async function run(argv: readonly string[], outputs: Outputs = standardOutputs()): Promise<number> {
  if (argv[0] === HOOK_WORD) {
    letSignalsBe(takePreparation(process.env, null, ownEnvironment).mask);
    return (await import("../hooks/child.ts")).runHookChild(process.env);
  }
  const handed = takeCapsule(process.env);
  const preparation = takePreparation(process.env, handed, ownEnvironment);
  const capsule = await meetKeeper(process.env) ?? handed;
  const code = await runWords(capsule?.argv ?? argv, { capsule, preparation }, outputs);
  return isOutputWhole(outputs) || code !== EXIT.ok ? code : EXIT.failure;
}

/**
 * A core says to its keeper who it is. -> what the core before it has left; null: there is no keeper, or
 * none was.
 */
async function meetKeeper(environment: Record<string, string | undefined>): Promise<Capsule | null> {
  const fd = environment[KEEPER_VARIABLE];
  delete environment[KEEPER_VARIABLE];
  if (fd === undefined) return null;
  const { Keeper, useKeeper } = await import("../sys/keeper/keeper.ts");
  const { VERSION } = await import("./shared/version.ts");
  const found = new Keeper(Number.parseInt(fd, 10), VERSION);
  useKeeper(found);
  return (await import("../supervisor/stage.ts")).heldCapsule(found);
}

/**
 * Whether all of the standard output was written; if it was not, that is said. A reader that went away misses
 * nothing.
 */
function isOutputWhole({ out, err }: Outputs): boolean {
  const failure = out.takeFailure();
  if (failure !== null) err.line(`cannot write the standard output: ${failure}`);
  return failure === null;
}

async function runWords(
  words: readonly string[],
  image: Image,
  outputs: Outputs,
): Promise<number> {
  const { mask } = image.preparation;
  if (words.length === 0) {
    letSignalsBe(mask);
    const { usage } = await import("./help/help.ts");
    outputs.err.write(usage());
    return EXIT.usage;
  }
  let line: CommandLine;
  try {
    line = parseCommandLine(words);
  } catch (error) {
    letSignalsBe(mask);
    if (!(error instanceof ConfigError)) throw error;
    const meant = (await import("./shared/meant.ts")).meantCommand(words);
    if (meant === null) showDiagnostics(error.diagnostics, outputs.err);
    else outputs.err.line(printable(meant));
    return findCommand(words[0] ?? "")?.wrongWords ?? EXIT.usage;
  }
  // A core leaves them blocked: what people send to an instance comes to its keeper.
  if (line.command !== "run") letSignalsBe(mask);
  const needs = findCommand(line.command)?.needs;
  if (needs !== undefined && isEmpty(line)) {
    outputs.err.line(`${line.command} needs ${needs}: reeve ${line.command} FILE`);
    return EXIT.usage;
  }
  // Not awaited: this frame is garbage while an instance runs.
  return PERFORM[line.command]({ line, words, image, outputs });
}

interface Call {
  readonly line: CommandLine;
  readonly words: readonly string[];
  readonly image: Image;
  readonly outputs: Outputs;
}

/** A command to a running instance. */
function operating(command: OperateCommand): (call: Call) => Promise<number> {
  return async ({ line, outputs }) => (await import("./operate/operate.ts")).operate(command, line, outputs);
}

/** The module that carries out each command. */
const PERFORM: Readonly<Record<CommandName, (call: Call) => Promise<number>>> = {
  run: ({ line, words, image, outputs }) => runConfiguration(line, words, image, outputs),
  check: async ({ line, outputs }) => (await import("./check.ts")).check(line, outputs),
  plan: async ({ line, outputs }) => (await import("./plan/command.ts")).showPlan(line, outputs),
  enter: async ({ line, outputs }) => (await import("./enter/enter.ts")).enter(line, outputs),
  legion: async ({ line, outputs }) => (await import("./legion_command.ts")).showLegions(line, outputs),
  doctor: async ({ line, outputs }) => (await import("./doctor.ts")).doctor(line.flags.has("json"), outputs),
  schema: async ({ outputs }) => {
    const { configurationSchema } = await import("../config/options/schema.ts");
    outputs.out.line(JSON.stringify(configurationSchema(), null, 2));
    return EXIT.ok;
  },
  completion: async ({ line, outputs }) =>
    (await import("./help/completion.ts")).completion(line.operands[0] ?? null, outputs),
  man: async ({ outputs }) => (await import("./help/man.ts")).man(outputs),
  help: async ({ line, outputs }) => (await import("./help/help.ts")).help(line.operands, outputs),
  version: async ({ outputs }) => {
    outputs.out.line(`reeve ${(await import("./shared/version.ts")).VERSION}`);
    return EXIT.ok;
  },
  status: operating("status"),
  start: operating("start"),
  stop: operating("stop"),
  restart: operating("restart"),
  signal: operating("signal"),
  wait: operating("wait"),
  events: operating("events"),
  reload: operating("reload"),
  apply: operating("apply"),
  healthcheck: operating("healthcheck"),
  names: operating("names"),
  "stop-pidfile": async ({ line, outputs }) =>
    (await import("./control_signal.ts")).signalInstance("stop", line.operands[0] ?? "", outputs),
  "reload-pidfile": async ({ line, outputs }) =>
    (await import("./control_signal.ts")).signalInstance("reload", line.operands[0] ?? "", outputs),
};

function isEmpty({ files, options, entrypoint }: CommandLine): boolean {
  return files.length === 0 && options.length === 0 && entrypoint === null;
}

async function runConfiguration(
  line: CommandLine,
  argv: readonly string[],
  { capsule, preparation }: Image,
  outputs: Outputs,
): Promise<number> {
  // The core may be another image of this process: nothing is read before it runs, so that nothing is read
  // twice.
  if (capsule === null && line.files.length > 0) {
    const { becomeKeeper, firstCapsule } = await import("../supervisor/stage.ts");
    if (keeper() === null) return becomeKeeper(argv);
    return runConfiguration(line, argv, { capsule: firstCapsule(argv), preparation }, outputs);
  }
  const { readPlan } = await import("./shared/read_plan.ts");
  if (line.files.length > 0 && !line.isSaid && (capsule?.reloads ?? 0) === 0) {
    const meant = (await import("./shared/meant.ts")).meantCommand(argv);
    if (meant !== null) {
      outputs.err.line(printable(meant));
      return EXIT.usage;
    }
  }
  const filesFd = capsule?.filesFd ?? null;
  const files = filesFd === null ? undefined : restoreFiles(filesFd);
  if (files === null) {
    outputs.err.line("cannot believe what was read before the reload: the files are read again");
  }
  const isReload = (capsule?.reloads ?? 0) > 0;
  const read: CheckedFiles = files ?? new Map();
  // After a reload the image before has looked at the daemons, and some of them run.
  const { plan, configuration, diagnostics, isTextComplete } = readPlan(line, isReload ? "resume" : "start", {
    isReload,
    files: read,
  });
  const { list } = diagnostics;
  if (configuration !== null) {
    for (const text of configuration.printed) outputs.out.line(text);
    if (configuration.showConfig || configuration.get.length > 0) {
      letSignalsBe(preparation.mask);
      const errors = list.filter(({ severity }) => severity === "error");
      // A user or a directory that this host lacks takes nothing off the text.
      const severity = isTextComplete ? "warning" : "error";
      showDiagnostics(errors.map((found) => ({ ...found, severity })), outputs.err);
      await answer(configuration, outputs);
      return isTextComplete ? EXIT.ok : EXIT.usage;
    }
    if (configuration.exitCode !== null) return configuration.exitCode;
    // A file's own printing is not what an instance is run for: its daemons do not wait for a disk that is
    // full.
    isOutputWhole(outputs);
  }
  if (plan === null || diagnostics.hasErrors) {
    showDiagnostics(list, outputs.err);
    return EXIT.usage;
  }
  if (capsule === null) {
    const { becomeEntrypoint, isEntrypointAlone } = await import("../supervisor/entrypoint.ts");
    if (isEntrypointAlone(plan)) {
      showDiagnostics(list, outputs.err);
      return becomeEntrypoint(plan, line.initFlags, preparation.mask);
    }
    if (line.initFlags !== null && line.initFlags.first !== null) {
      const flag = quote(line.initFlags.first);
      outputs.err.line(
        `cannot use ${flag} beside a configuration, which the variables UWSGI_* make: unset them`,
      );
      return EXIT.usage;
    }
    const { becomeKeeper, firstCapsule } = await import("../supervisor/stage.ts");
    if (keeper() === null) return becomeKeeper(argv);
    const { startSupervisor } = await import("./start_supervisor.ts");
    return startSupervisor(line, plan, list, firstCapsule(argv), read);
  }
  // Not awaited: this frame, and all that was read, is garbage while the instance runs.
  const { startSupervisor } = await import("./start_supervisor.ts");
  return startSupervisor(line, plan, list, capsule, read);
}

/** show-config, and the first value of every `get`. */
async function answer(configuration: Configuration, outputs: Outputs): Promise<void> {
  const { showConfiguration } = await import("../config/language/show.ts");
  if (configuration.showConfig) outputs.out.write(showConfiguration(configuration.shown));
  for (const wanted of configuration.get) {
    const found = configuration.shown.find(({ name }) => name === wanted);
    if (found !== undefined) outputs.out.line(found.value);
  }
}
