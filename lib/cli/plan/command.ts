/**
 * `reeve plan FILE`: what a configuration comes to, each setting with the place that it comes from. Secrets
 * are hidden. With --as it is a configuration of another form that comes to the same, secrets and all.
 */
import type { CommandLine } from "../shared/argv.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import { planToJson } from "./json.ts";
import { planToText } from "./text.ts";
import { type ReadPlan, readPlan } from "../shared/read_plan.ts";
import { showDiagnostics } from "../shared/show_diagnostics.ts";
import { quote } from "../../config/problem.ts";
import type { Plan } from "../../config/plan/plan.ts";

const FORMS = ["sections", "lines"];

/** 0; 1 when it cannot be said; 2 when the configuration has errors, which go to stderr as warnings do. */
export async function showPlan(line: CommandLine, outputs: Outputs): Promise<number> {
  const form = line.flags.get("as")?.at(-1) ?? null;
  const problem = problemOf(form, line.flags.has("json"));
  if (problem !== null) {
    outputs.err.line(problem);
    return EXIT.usage;
  }
  const read = readPlan(line, "start");
  const { plan, diagnostics } = read;
  showDiagnostics(diagnostics.list, outputs.err);
  // It is written for another host as well as for this one.
  if (plan !== null && form !== null && read.isPlanRight) {
    return await writeAs(form, read, plan, line, outputs);
  }
  if (plan === null || diagnostics.hasErrors) return EXIT.usage;
  if (line.flags.has("json")) outputs.out.line(JSON.stringify(planToJson(plan), null, 2));
  else outputs.out.write(planToText(plan, outputs.out));
  return EXIT.ok;
}

function problemOf(form: string | null, isJson: boolean): string | null {
  if (form === null) return null;
  if (!FORMS.includes(form)) {
    return `cannot print a plan as ${quote(form)}: --as takes ${FORMS.map(quote).join(" or ")}`;
  }
  return isJson ? "plan takes --json or --as, not both" : null;
}

async function writeAs(
  form: string,
  { configuration }: ReadPlan,
  plan: Plan,
  line: CommandLine,
  { out, err }: Outputs,
): Promise<number> {
  const { collectSources } = await import("../../config/write/sources.ts");
  const { asLines } = await import("../../config/write/lines.ts");
  const { asSections } = await import("../../config/write/sections.ts");
  const { iniText, whyNotIni, yamlText } = await import("../../config/write/document.ts");
  const sources = collectSources({
    options: configuration?.options ?? [],
    sections: configuration?.daemons ?? [],
    plan,
    asked: line.files[0]?.name ?? "",
  });
  const { document, problems } = form === "lines"
    ? asLines(sources)
    : { document: asSections(sources), problems: [] };
  for (const text of problems) err.line(text);
  if (problems.length > 0) return EXIT.failure;
  if (sources.leftOut.length > 0) {
    const names = sources.leftOut.map(quote).join(", ");
    err.line(`note: left out is what variables UWSGI_* of the environment say: ${names}`);
  }
  if (line.entrypoint !== null) err.line('note: left out is the command behind "--": it is in no file');
  const why = whyNotIni(document);
  if (why !== null) {
    err.line(`note: this is YAML, for ${why}, which INI cannot say: give it the suffix .yaml`);
  }
  out.write(why === null ? iniText(document) : yamlText(document));
  return EXIT.ok;
}
