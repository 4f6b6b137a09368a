/**
 * `reeve check FILE`: every problem that a start would meet, and the deliberate differences from uWSGI that
 * this configuration meets. It looks only: nothing is run, created or changed.
 */
import type { CommandLine } from "./shared/argv.ts";
import type { Diagnostic } from "../config/diagnostic.ts";
import { EXIT } from "./shared/exit_code.ts";
import type { Outputs } from "./shared/output.ts";
import { readPlan } from "./shared/read_plan.ts";
import { diagnosticToJson, showDiagnostics } from "./shared/show_diagnostics.ts";

/**
 * Problems go to stderr, the summary to stdout; with --json everything goes to stdout. 0: fine; 1: a start
 * goes on without some daemons; 2: none does.
 */
export function check(line: CommandLine, outputs: Outputs): number {
  const { plan, diagnostics, cannotRun } = readPlan(line, "check");
  const { list } = diagnostics;
  const code = diagnostics.hasErrors ? EXIT.usage : cannotRun.length > 0 ? EXIT.failure : EXIT.ok;
  const daemons = plan?.daemons.length ?? 0;
  if (line.flags.has("json")) {
    const report = { ok: code === EXIT.ok, daemons, cannotRun, problems: list.map(diagnosticToJson) };
    outputs.out.line(JSON.stringify(report, null, 2));
    return code;
  }
  showDiagnostics(byPlace(list), outputs.err);
  const errors = list.filter(({ severity }) => severity === "error").length;
  const warnings = list.filter(({ severity }) => severity === "warning").length;
  const names = line.files.map(({ name }) => name).join(" ") || "command line";
  const found = [count(errors, "error"), count(warnings, "warning")].filter((text) => text !== "").join(", ");
  const partly = `usable without ${cannotRun.map((name) => `"${name}"`).join(", ")}`;
  const verdict = code === EXIT.ok
    ? outputs.out.paint("ok", "bold")
    : outputs.out.paint(code === EXIT.usage ? "not usable" : partly, "red");
  outputs.out.line(
    `${names}: ${verdict}, ${count(daemons, "daemon") || "no daemon"}${found === "" ? "" : `, ${found}`}`,
  );
  return code;
}

/**
 * Line by line, as a file is mended; what belongs to no line last. Stable: files in the order in which they
 * came up.
 */
function byPlace(list: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(list.flatMap(({ origin }) => origin === null ? [] : [origin.file]))];
  const place = ({ origin }: Diagnostic): number =>
    origin === null ? files.length : files.indexOf(origin.file);
  return list.toSorted((a, b) => place(a) - place(b) || (a.origin?.line ?? 0) - (b.origin?.line ?? 0));
}

function count(number: number, what: string): string {
  return number === 0 ? "" : `${number} ${what}${number === 1 ? "" : "s"}`;
}
