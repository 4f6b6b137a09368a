/** Problems of a configuration as lines for people, or as JSON for programs. */
import { type Diagnostic, formatDiagnostic } from "../../config/diagnostic.ts";
import { formatOrigin } from "../../config/origin.ts";
import { type Output, printable } from "./output.ts";

/** More than this many of one kind tell nobody anything; the rest is counted. */
const MOST_SHOWN = 200;

/** `file:line: text`, one a line, in the order in which they were found. */
export function showDiagnostics(list: readonly Diagnostic[], output: Output): void {
  for (const diagnostic of list.slice(0, MOST_SHOWN)) {
    output.line(output.paintSeverity(printable(formatDiagnostic(diagnostic)), diagnostic.severity));
  }
  if (list.length > MOST_SHOWN) output.line(`and ${list.length - MOST_SHOWN} more`);
}

export function diagnosticToJson(diagnostic: Diagnostic): Record<string, string | number | null> {
  const { severity, text, origin } = diagnostic;
  return {
    severity,
    file: origin?.file ?? null,
    line: origin?.line ?? null,
    where: origin === null ? null : formatOrigin(origin),
    text,
  };
}
