/**
 * `reeve plan FILE`: what a configuration comes to, each setting with the place that it comes from. Secrets
 * are hidden.
 */
import type { CommandLine } from "../shared/argv.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import { planToJson } from "./json.ts";
import { planToText } from "./text.ts";
import { readPlan } from "../shared/read_plan.ts";
import { showDiagnostics } from "../shared/show_diagnostics.ts";

/** 0; 2 when the configuration has errors, which go to stderr as warnings and notes do. */
export function showPlan(line: CommandLine, outputs: Outputs): number {
  const { plan, diagnostics } = readPlan(line, "start");
  showDiagnostics(diagnostics.list, outputs.err);
  if (plan === null || diagnostics.hasErrors) return EXIT.usage;
  if (line.flags.has("json")) outputs.out.line(JSON.stringify(planToJson(plan), null, 2));
  else outputs.out.write(planToText(plan, outputs.out));
  return EXIT.ok;
}
