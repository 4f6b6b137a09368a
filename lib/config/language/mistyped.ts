/** The probable meaning of a line whose name is no option, and what to write instead. Pure. */
import { nearestName } from "../nearest.ts";
import { insteadOfOption } from "../values/foreign_words.ts";
import { defaultOption, findKey } from "../options/daemon_keys.ts";
import { isKnownOption } from "../options/option_table.ts";
import { maskLine } from "../plan/mask.ts";
import { quote } from "../problem.ts";

/** `OPTION VALUE`, `OPTION: VALUE`: the name up to the first "=" of the line, if there is one. */
const WITHOUT_EQUALS = /^([A-Za-z0-9_-]+)(?:\s*:\s*|\s+)(.*)$/s;

/**
 * The message about a name that nothing knows. `suggest`: whether to look for the nearest of `names`, which
 * costs time. null: nothing like it is known.
 */
export function mistypedLine(
  name: string,
  value: string,
  suggest: () => readonly string[] | null,
): string | null {
  const split = WITHOUT_EQUALS.exec(name);
  const option = split?.[1] ?? "";
  if (split !== null && isKnownOption(option)) {
    const rest = `${split[2] ?? ""}${value === "" ? "" : `=${value}`}`;
    const sign = name.charAt(option.length) === ":"
      ? '":" stands where "=" is wanted'
      : 'there is no "=" in it';
    return `${quote(option)} has no value: ${sign}: write ${quote(`${option} = ${maskLine(rest)}`)}`;
  }
  const instead = insteadOfOption(name);
  if (instead !== null) return `unknown option ${quote(name)}: ${instead}`;
  const key = findKey(name)?.key;
  if (key !== undefined && key !== "name") {
    const remedy = `write it into [daemon:NAME], or ${
      quote(`${defaultOption(key)} = VALUE`)
    } for all daemons`;
    return `unknown option ${quote(name)}: it is a key of a daemon: ${remedy}`;
  }
  const names = suggest();
  const near = names === null ? null : nearestName(name.toLowerCase(), names);
  return near === null ? null : `unknown option ${quote(name)}: did you mean ${quote(near)}?`;
}
