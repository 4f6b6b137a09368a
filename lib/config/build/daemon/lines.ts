/**
 * The forms of one line: attach-daemon and its like, and the list of attach-daemon2. Takes each apart into
 * its keys. Pure. What uWSGI drops in silence (an unknown key, a missing command) is an error with its line.
 */
import { DAEMON_KEYS, findKey, KEY_NAMES } from "../../options/daemon_keys.ts";
import type { DaemonOption } from "../../plan/daemon_plan.ts";
import { quote } from "../../problem.ts";
import type { Field } from "../../values/field.ts";
import { warnOfSwitch } from "../../values/key_values.ts";
import { type KeyFields, lastOf, parseKeyval } from "../../values/keyval.ts";
import { splitName } from "../legion/draft.ts";
import { type DaemonSource, NOTHING_FIXED } from "./source.ts";

/** The forms of one line, and what each makes. */
const PLAIN_OPTIONS = {
  "attach-daemon": { kind: "dumb", control: false, ofLegion: false },
  "attach-control-daemon": { kind: "dumb", control: true, ofLegion: false },
  "smart-attach-daemon": { kind: "smart", control: false, ofLegion: false },
  "smart-attach-daemon2": { kind: "smart2", control: false, ofLegion: false },
  "legion-attach-daemon": { kind: "dumb", control: false, ofLegion: true },
  "legion-smart-attach-daemon": { kind: "smart", control: false, ofLegion: true },
  "legion-smart-attach-daemon2": { kind: "smart2", control: false, ofLegion: true },
} as const satisfies Partial<Record<DaemonOption, unknown>>;
type PlainOption = keyof typeof PLAIN_OPTIONS;

export const LINE_OPTIONS: readonly DaemonOption[] = [
  ...Object.keys(PLAIN_OPTIONS) as PlainOption[],
  "attach-daemon2",
];

const FIXED_IN_PLAIN: ReadonlySet<string> = new Set(["command", "pidfile", "daemonize", "control", "legion"]);
const KEYVAL = { names: KEY_NAMES, find: findKey };

/** null, and errors, where there is no daemon in it. */
export function readLine(option: Field): DaemonSource | null {
  return option.name === "attach-daemon2"
    ? readKeyval(option)
    : readPlain(option, option.name as PlainOption);
}

/** `[LEGION ][PIDFILE[,FREQ] ]COMMAND`, each split off at the first space (uWSGI 2.0). */
function readPlain(option: Field, name: PlainOption): DaemonSource | null {
  const { kind, control, ofLegion } = PLAIN_OPTIONS[name];
  const keys = new Map<string, readonly Field[]>();
  const set = (key: string, value: string): void => void keys.set(key, [option.with({ name: key, value })]);
  let text = option.value;
  if (ofLegion) {
    const parts = splitName(text);
    if (parts === null) {
      const wanted = kind === "dumb" ? "LEGION COMMAND" : "LEGION PIDFILE COMMAND";
      return option.error(
        `cannot use ${name}=${quote(text)}: it takes "${wanted}", and there is no space in it`,
      );
    }
    set("legion", parts[0]);
    text = parts[1];
  }
  if (control) set("control", "1");
  if (kind === "smart2") set("daemonize", "1");
  const command = kind === "dumb" ? text : readPidfile(option, text, set);
  if (command === null) return null;
  keys.set("command", [command === option.value ? option : option.with({ value: command })]);
  return { option: name, line: option, name: null, keys, fixed: FIXED_IN_PLAIN };
}

/** Sets the keys of `PIDFILE[,FREQ] COMMAND`, returns the command. `text`: the value without the legion. */
function readPidfile(option: Field, text: string, set: (key: string, value: string) => void): string | null {
  const { name } = option;
  const space = text.indexOf(" ");
  if (space < 0) {
    return option.error(
      `cannot use ${name}=${quote(option.value)}: it takes "PIDFILE COMMAND"${
        name.startsWith("legion-") ? " behind the legion" : ""
      }, and there is no space in it`,
    );
  }
  const token = text.slice(0, space);
  const comma = token.indexOf(",");
  const pidfile = comma < 0 ? token : token.slice(0, comma);
  if (comma >= 0) set("freq", token.slice(comma + 1));
  if (pidfile === "") return option.error(`cannot use ${name}: the name of the pidfile is empty`);
  if (!pidfile.includes("/")) {
    option.warning(
      `"${pidfile}" is taken for the pidfile, for ${name} takes "PIDFILE COMMAND": ` +
        `without a pidfile use attach-daemon, in the current directory write "./${pidfile}"`,
    );
  }
  set("pidfile", pidfile);
  return text.slice(space + 1);
}

function readKeyval(list: Field): DaemonSource | null {
  if (!/^[^,]*=/.test(list.value)) {
    return list.error(
      `cannot use attach-daemon2=${quote(list.value)}: it takes KEY=VALUE pairs, ` +
        `write cmd=COMMAND, or use attach-daemon for a plain command`,
    );
  }
  const keys = withSwitches(parseKeyval(list, KEYVAL));
  const isSplit = checkSeparators(keys);
  if (!keys.has("command")) {
    return isSplit ? list.error('attach-daemon2 needs a "command" key (or cmd, or exec)') : null;
  }
  return {
    option: "attach-daemon2",
    line: list,
    name: lastOf(keys, "name")?.value ?? null,
    keys,
    fixed: NOTHING_FIXED,
  };
}

const SWITCHES = DAEMON_KEYS.filter(({ type }) => type === "switch").map(({ key }) => key);

/** The same with every switch that is there on, whatever it says. */
function withSwitches(keys: KeyFields): KeyFields {
  const present = SWITCHES.filter((key) => keys.has(key));
  if (present.length === 0) return keys;
  const switched = new Map(keys);
  for (const key of present) {
    const fields = (keys.get(key) ?? []).slice(-1);
    fields.forEach(warnOfSwitch);
    switched.set(key, fields.map((field) => field.with({ value: "1" })));
  }
  return switched;
}

/** Whether no key was meant to begin behind a ";", which separates what is in a value. */
function checkSeparators(keys: KeyFields): boolean {
  let isRight = true;
  for (const [key, fields] of keys) {
    if (fields.length === 1 && fields[0]?.value.includes(";") === false) continue;
    if (findKey(key)?.repeats === "lines") continue;
    const value = fields.map((field) => field.value).join(";");
    const parts = value.split(/;\s*(?=[a-z_]+\s*=)/);
    if (!parts.slice(1).some((part) => findKey(/^[a-z_]+/.exec(part)?.[0] ?? "") !== null)) continue;
    const text = `keys are separated by ",", and not by ";": write ${quote(`${key}=${parts.join(",")}`)}`;
    if (key === "command") fields[0]?.warning(`${text}, unless it is for the shell`);
    else fields[0]?.error(text);
    isRight &&= key === "command";
  }
  return isRight;
}
