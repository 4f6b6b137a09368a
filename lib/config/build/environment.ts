/**
 * env, unenv and envdir, as an ordered list of changes to the environment of daemons and hooks. Pure but for
 * reading an envdir through the PlanDeps.
 */
import { envdirValue, isEnvdirName } from "../language/envdir.ts";
import type { RawOption } from "../origin.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import { parseAssignment } from "../values/assignment.ts";
import type { OptionReader } from "../values/options.ts";
import type { PlanDeps } from "../system/plan_deps.ts";
import { quote } from "../problem.ts";

type Change = InstancePlan["environment"][number];

/**
 * uWSGI 2.0 applies early-envdir and ienv while it reads, then env and unenv as they come, then every envdir.
 */
export function planEnvironment(reader: OptionReader, system: PlanDeps): readonly Change[] {
  const changes: Change[] = [];
  for (const option of reader.all("early-envdir", "ienv")) {
    if (option.name === "ienv") changes.push(...planVariable(option, reader));
    else changes.push(...readEnvironmentDirectory(option, reader, system));
  }
  for (const option of reader.all("env", "unenv", "vars")) {
    if (option.name === "vars") changes.push(...readVariableFile(option, reader, system));
    else changes.push(...planVariable(option, reader));
  }
  for (const option of reader.all("envdir")) {
    changes.push(...readEnvironmentDirectory(option, reader, system));
  }
  return changes;
}

function planVariable(option: RawOption, reader: OptionReader): readonly Change[] {
  if (!reader.needText(option)) return [];
  const { name, value, warning } = parseAssignment(option.value);
  if (name === "" || option.value.includes("\0")) {
    const detail = name === "" ? 'no name before "="' : "it holds a NUL character";
    reader.diagnostics.error(`cannot set ${quote(option.value)}: ${detail}`, option.origin);
    return [];
  }
  if (warning !== null) reader.diagnostics.warning(`${option.name}: ${warning}`, option.origin);
  if (option.name === "unenv") {
    return [{ name: warning === null ? option.value : option.value.trim(), value: null }];
  }
  if (value !== null) return [{ name, value }];
  // putenv(3) without "=" removes the variable, so that is what such a line has done so far.
  const remedy = `write ${option.name} = ${name}=VALUE to set it, unenv = ${name} to remove it`;
  reader.diagnostics.warning(`${option.name} without "=" removes "${name}": ${remedy}`, option.origin);
  return [{ name, value: null }];
}

/** A file of NAME=VALUE lines; empty lines and those that begin with `#` are passed over. */
function readVariableFile(option: RawOption, reader: OptionReader, system: PlanDeps): readonly Change[] {
  if (!reader.needText(option)) return [];
  const text = system.readText(option.value);
  if (text === null) {
    reader.diagnostics.error(
      `cannot read variables from "${option.value}": no such file, no permission, or over a MiB`,
      option.origin,
    );
    return [];
  }
  const changes: Change[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(?:#|$)/.test(line)) return;
    const origin = { file: option.value, line: index + 1 };
    const { name, value, warning } = parseAssignment(line);
    if (name === "" || value === null) {
      reader.diagnostics.error("cannot read a variable: no NAME=VALUE", origin);
      return;
    }
    if (warning !== null) reader.diagnostics.warning(warning, origin);
    changes.push({ name, value });
  });
  return changes;
}

/**
 * daemontools' envdir as uWSGI 2.0 reads it: one variable a file, hidden files and what is no regular file
 * left out.
 */
function readEnvironmentDirectory(
  option: RawOption,
  reader: OptionReader,
  system: PlanDeps,
): readonly Change[] {
  if (!reader.needText(option)) return [];
  const { value: directory, origin } = option;
  const names = system.readDirectory(directory);
  if (names === null) {
    reader.diagnostics.error(
      `cannot read envdir "${directory}": no such directory, or no permission`,
      origin,
    );
    return [];
  }
  const changes: Change[] = [];
  for (const name of [...names].sort()) {
    const path = `${directory}/${name}`;
    if (!isEnvdirName(name) || system.stat(path)?.kind !== "file") continue;
    const text = system.readText(path);
    if (text === null) {
      reader.diagnostics.error(`cannot read "${path}" of envdir: no permission, or over a MiB`, origin);
      continue;
    }
    changes.push({ name, value: envdirValue(text) });
  }
  return changes;
}
