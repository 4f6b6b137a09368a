/**
 * From the words of the command line to a checked Plan: the language, the Plan's builder and the look at the
 * system, one after the other, with everything that is wrong in one list.
 */
import type { CommandLine } from "./argv.ts";
import { ConfigError, type Diagnostic, Diagnostics } from "../../config/diagnostic.ts";
import { type Configuration, loadConfiguration } from "../../config/language/load.ts";
import { noteDifferences } from "../../config/check/differences.ts";
import { buildPlan } from "../../config/build/build_plan.ts";
import { findProblems, type Purpose } from "../../config/check/problems.ts";
import { explainComments } from "../../config/values/comment.ts";
import type { Plan } from "../../config/plan/plan.ts";
import type { PlanDeps } from "../../config/system/plan_deps.ts";
import { cipherProblem } from "../../legion/packets/cipher_names.ts";
import { realConfigDeps, RealPlanDeps } from "../system/real_deps.ts";

const WRITE = "write attach-daemon = COMMAND";

export interface ReadPlan {
  /** null when the files could not be read to their end, or say themselves that reading ends (`exit`). */
  readonly plan: Plan | null;
  /** null when the files could not be read to their end. */
  readonly configuration: Configuration | null;
  readonly diagnostics: Diagnostics;
  /**
   * Whether the text is complete, as show-config prints it: what is wrong, if anything, is what it asks for.
   */
  readonly isTextComplete: boolean;
  /** Whether the Plan is right as it was written; whether it can run on this host is another question. */
  readonly isPlanRight: boolean;
  /** Names of the daemons that cannot run as things are on this host. */
  readonly cannotRun: readonly string[];
}

/**
 * Never throws for what is wrong with a configuration. A check forbids side effects. `isReload`: for
 * if-reload.
 */
export function readPlan(
  line: Pick<CommandLine, "options" | "files" | "entrypoint">,
  purpose: Purpose,
  options: {
    readonly isReload?: boolean;
    readonly system?: PlanDeps;
    readonly files?: Map<string, Uint8Array> | undefined;
    /** The file that the instance has its name from; absent: the first one. */
    readonly named?: string | undefined;
  } = {},
): ReadPlan {
  const { isReload = false, system = new RealPlanDeps() } = options;
  const world = realConfigDeps(system, {
    sideEffects: purpose !== "check",
    isReload,
    ...(options.files === undefined ? {} : { files: options.files }),
  });
  let configuration: Configuration;
  try {
    configuration = loadConfiguration(line.options, line.files, world);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const diagnostics = collected(error.diagnostics);
    explainComments(diagnostics.list, line.options);
    return {
      plan: null,
      configuration: null,
      diagnostics,
      isTextComplete: false,
      isPlanRight: false,
      cannotRun: [],
    };
  }
  const { diagnostics, files } = configuration;
  const isTextComplete = !diagnostics.hasErrors;
  if (configuration.exitCode !== null) {
    return { plan: null, configuration, diagnostics, isTextComplete, isPlanRight: false, cannotRun: [] };
  }
  const plan = buildPlan(configuration.options, files, system, diagnostics, {
    entrypoint: line.entrypoint,
    asked: options.named ?? line.files[0]?.name ?? files[0] ?? "",
    sections: configuration.daemons,
  });
  const isPlanRight = !diagnostics.hasErrors;
  const cannotRun = findProblems(plan, system, purpose, diagnostics);
  findCipherProblems(plan, diagnostics);
  if (plan.daemons.length === 0 && plan.instance.legions.length === 0 && !diagnostics.hasErrors) {
    const [mistyped] = configuration.unknown;
    const text = "no daemon is configured: there is nothing to supervise";
    if (mistyped === undefined) diagnostics.warning(`${text}: ${WRITE}`, null);
    else diagnostics.error(`${text}, and this line is none: ${WRITE}`, mistyped.origin);
  }
  if (purpose === "check") noteDifferences(plan, configuration.shown, diagnostics);
  const settings = configuration.daemons.flatMap((section) => section.settings);
  explainComments(diagnostics.list, [...configuration.options, ...settings]);
  return { plan, configuration, diagnostics, isTextComplete, isPlanRight, cannotRun };
}

/** Only the legion knows which ciphers it can use. */
function findCipherProblems(plan: Plan, diagnostics: Diagnostics): void {
  for (const { transport, name, origin } of plan.instance.legions) {
    const problem = transport.kind === "udp" ? cipherProblem(transport.cipher) : null;
    if (problem !== null) diagnostics.error(`cannot use legion "${name}": ${problem}`, origin);
  }
}

function collected(list: readonly Diagnostic[]): Diagnostics {
  const diagnostics = new Diagnostics();
  diagnostics.list.push(...list);
  return diagnostics;
}
