/**
 * The corpus of test/cases/config: one configuration a file, and in its first comments how it is run: `;
 * args: WORDS` (default: the file alone; `@` is the file), `; env: NAME=VALUE`, `; stdin: FILE`, `; differs:
 * REASON` where uWSGI's own result is another one, `; skip: REASON` where it has none. Formats without
 * comments have their lines in TABLE.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { ConfigError, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { showConfiguration } from "../../../lib/config/language/show.ts";
import type { ConfigDeps } from "../../../lib/config/system/config_deps.ts";

export const CASES = new URL("../../cases/config/", import.meta.url).pathname;

export interface Case {
  readonly file: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Why uWSGI's result is another one; null: it must be the same. */
  readonly differs: string | null;
  /** Why uWSGI cannot be asked at all: it never ends, or eats the memory. */
  readonly skip: string | null;
  /** What stands in for stdin. */
  readonly stdin: string | null;
}

const TABLE: Readonly<Record<string, string>> = {
  "json-real-number.json":
    "; differs: yajl takes a number as it is written; one with a fraction is no option value here\n",
  "xml-section.xml": "; args: --xml @:b\n; differs: uWSGI cuts the section off the name that it shows\n",
  "json-section.json":
    "; args: --json @:other\n; differs: uWSGI cuts the section off the name that it shows\n",
};

export function corpus(): Case[] {
  return readdirSync(CASES).filter((name) => /\.(ini|yaml|yml|json|js|xml|conf)$/.test(name)).sort().map(
    readCase,
  );
}

function readCase(file: string): Case {
  const text = (TABLE[file] ?? "") + readFileSync(join(CASES, file), "latin1");
  const all = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^(?:;|#|<!--) ${key}: (.*?)(?: -->)?\\r?$`, "gm"))].map((match) =>
      match[1] ?? ""
    );
  const words = (all("args")[0] ?? "@").split(" ").map((word) => word.replaceAll("@", file));
  const environment = Object.fromEntries(
    all("env").map((text) => {
      const equals = text.indexOf("=");
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
  return {
    file,
    words,
    environment,
    differs: all("differs")[0] ?? null,
    skip: all("skip")[0] ?? null,
    stdin: all("stdin")[0] ?? null,
  };
}

export interface Outcome {
  /** The lines between the brackets of show-config. */
  readonly shown: string;
  readonly diagnostics: readonly string[];
  readonly failed: boolean;
}

/** Runs a case as show-config would. */
export function runCase({ words }: Pick<Case, "words">, world: ConfigDeps): Outcome {
  try {
    const { options, files } = parseCommandLine(words);
    const found = loadConfiguration(options, files, world);
    const shown = showConfiguration(found.shown).replace(/^\n.*\n.*\n/, "").replace(
      /;end of configuration\n\n$/,
      "",
    );
    const diagnostics = found.diagnostics.list.map(formatDiagnostic);
    return { shown, diagnostics, failed: found.diagnostics.hasErrors };
  } catch (problem) {
    if (!(problem instanceof ConfigError)) throw problem;
    return { shown: "", diagnostics: problem.diagnostics.map(formatDiagnostic), failed: true };
  }
}
