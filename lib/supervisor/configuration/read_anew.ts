/**
 * Reads the configuration of the running instance once more and checks it wholly, from where its relative
 * paths are read. Changes nothing; what is wrong comes back as lines for people.
 */
import { type Diagnostic, formatDiagnostic } from "../../config/diagnostic.ts";
import type { Plan } from "../../config/plan/plan.ts";
import type { Logger } from "../../log/logger.ts";
import type { Capsule } from "../../records/capsule.ts";
import type { CheckedFiles } from "../../records/checked_files.ts";
import { errorText } from "../../sys/error_text.ts";

/** Reads the instance's configuration again, or another file; no plan and errors when it is bad. */
export type Reread = (file: string | null) => {
  readonly plan: Plan | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly files: CheckedFiles;
};

export interface ReadAnewDeps {
  readonly reread: Reread;
  /** `cwd`: from where relative paths of the command line are read. */
  readonly capsule: Pick<Capsule, "cwd">;
}

export type ReadAnew =
  | { readonly plan: Plan; readonly files: CheckedFiles; readonly warnings: readonly string[] }
  | { readonly plan: null; readonly errors: readonly string[] };

/** `file`: in place of the instance's own; null: those. */
export function readAnew(
  request: ReadAnewDeps,
  file: string | null,
  logger: Pick<Logger, "warning">,
): ReadAnew {
  const cwd = process.cwd();
  let found: ReturnType<Reread>;
  try {
    enterDirectory(request.capsule.cwd, logger);
    found = request.reread(file);
  } catch (error) {
    return { plan: null, errors: [errorText(error)] };
  } finally {
    enterDirectory(cwd, logger);
  }
  const errors = found.diagnostics.filter(({ severity }) => severity === "error");
  if (found.plan === null || errors.length > 0) {
    return { plan: null, errors: errors.map((error) => formatDiagnostic(error)) };
  }
  const warnings = found.diagnostics.filter(({ severity }) => severity === "warning");
  return { plan: found.plan, files: found.files, warnings: warnings.map((one) => formatDiagnostic(one)) };
}

/**
 * A directory that was removed must not cost the daemons: relative paths fail in "/", each with its message.
 */
export function enterDirectory(directory: string, logger: Pick<Logger, "warning">): void {
  try {
    process.chdir(directory);
  } catch (error) {
    const text = `cannot change to directory "${directory}": ${errorText(error)}; using "/"`;
    logger.warning(null, text);
    process.chdir("/");
  }
}
