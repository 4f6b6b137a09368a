/** The step from the command line into the supervisor: loaded only where an instance is run. */
import type { CommandLine } from "./shared/argv.ts";
import { planCommand } from "../config/values/command_words.ts";
import type { Diagnostic } from "../config/diagnostic.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { Capsule } from "../records/capsule.ts";
import type { CheckedFiles } from "../records/checked_files.ts";
import { readPlan } from "./shared/read_plan.ts";

/** Runs the instance until it ends; its exit code. */
export async function startSupervisor(
  line: CommandLine,
  plan: Plan,
  warnings: readonly Diagnostic[],
  capsule: Capsule,
  files: CheckedFiles,
): Promise<number> {
  const { startInstance } = await import("../supervisor/start.ts");
  return startInstance({
    plan,
    warnings,
    capsule,
    files,
    parseCommand: (text) => planCommand(text, plan.instance.shell),
    planToJson: async (inForce) => {
      const { planToJson } = await import("./plan/json.ts");
      return planToJson(inForce);
    },
    reread: (file) => {
      const files: CheckedFiles = new Map();
      const asked = file === null ? line : { ...line, files: [{ name: file }] };
      const { plan: next, diagnostics } = readPlan(asked, "start", {
        isReload: true,
        files,
        named: line.files[0]?.name,
      });
      return { plan: next, diagnostics: diagnostics.list, files };
    },
  });
}
