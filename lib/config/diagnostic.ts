/**
 * Problems found while a configuration is read. All of a load are collected and shown together; only
 * `formatDiagnostic` prints one.
 */
import { formatOrigin, type Origin } from "./origin.ts";

export type Severity = "error" | "warning" | "note";

export interface Diagnostic {
  readonly severity: Severity;
  /** Lower case, strings quoted, no full stop, with the remedy where there is one. */
  readonly text: string;
  readonly origin: Origin | null;
}

/** Thrown once a load cannot go on; holds everything found so far, the fatal one last. */
export class ConfigError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join("\n"));
    this.name = "ConfigError";
    this.diagnostics = diagnostics;
  }
}

/** Collects diagnostics; `fail` adds one and throws. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];

  error(text: string, origin: Origin | null): void {
    this.list.push({ severity: "error", text, origin });
  }
  warning(text: string, origin: Origin | null): void {
    this.list.push({ severity: "warning", text, origin });
  }
  note(text: string, origin: Origin | null): void {
    this.list.push({ severity: "note", text, origin });
  }
  fail(text: string, origin: Origin | null): never {
    this.error(text, origin);
    throw new ConfigError(this.list);
  }
  /** A line in a loop is read many times, a default for many daemons; what is wrong with it is said once. */
  keepFirst(): void {
    const seen = new Set<string>();
    const once = this.list.filter((found) => {
      const shown = `${found.severity} ${formatDiagnostic(found)}`;
      return !seen.has(shown) && seen.add(shown) !== undefined;
    });
    this.list.splice(0, this.list.length, ...once);
  }
  get hasErrors(): boolean {
    return this.list.some((found) => found.severity === "error");
  }
}

/** `file:line: text`; warnings and notes name themselves. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const where = diagnostic.origin === null ? "" : `${formatOrigin(diagnostic.origin)}: `;
  const kind = diagnostic.severity === "error" ? "" : `${diagnostic.severity}: `;
  return `${where}${kind}${diagnostic.text}`;
}
