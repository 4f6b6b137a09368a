/**
 * Options of the command line that a file's line takes back: a FILE is read after them, whatever the order of
 * the words, as in uWSGI. Pure; it only says so.
 */
import type { Diagnostics } from "../diagnostic.ts";
import { findOption } from "../options/option_table.ts";
import { formatOrigin, type RawOption } from "../origin.ts";
import { quote } from "../problem.ts";

/** `options`: by their canonical names, in the order in which they apply. */
export function warnOfOverridden(options: readonly RawOption[], diagnostics: Diagnostics): void {
  const typed = new Map<string, RawOption>();
  for (const option of options) {
    if (findOption(option.name)?.repeatable !== false) continue;
    if (isTyped(option)) typed.set(option.name, option);
  }
  if (typed.size === 0) return;
  const last = new Map(options.map((option) => [option.name, option]));
  for (const [name, option] of typed) {
    const counting = last.get(name);
    if (counting === undefined || isTyped(counting) || counting.value === option.value) continue;
    diagnostics.warning(
      `${option.origin.file} has no effect: ${formatOrigin(counting.origin)} sets ${
        quote(name)
      } too, and a FILE ` +
        `is read after the options, as in uWSGI: name it in front of them, by "--ini FILE"`,
      option.origin,
    );
  }
}

function isTyped({ origin }: RawOption): boolean {
  return origin.line === 0 && origin.file.startsWith("-");
}
