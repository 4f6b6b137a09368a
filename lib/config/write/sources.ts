/**
 * What a configuration consists of, for writing it in another form: the options of its instance, and every
 * daemon with all its keys, the instance's defaults among them. Pure. What variables of the environment say
 * is left out: they say it again whenever the result is read.
 */
import { readSources } from "../build/daemon/daemons.ts";
import { LINE_OPTIONS } from "../build/daemon/lines.ts";
import { type DaemonSource, defaultKeys, withDefaults } from "../build/daemon/source.ts";
import type { DaemonSection } from "../daemon_section.ts";
import { Diagnostics } from "../diagnostic.ts";
import { instanceNames } from "../language/instance_names.ts";
import { splitSourceName } from "../language/format/source_name.ts";
import { DEFAULT_KEYS, defaultOption } from "../options/daemon_keys.ts";
import type { RawOption } from "../origin.ts";
import type { Plan } from "../plan/plan.ts";
import { OptionReader } from "../values/options.ts";
import type { Line } from "./document.ts";

export interface WritableDaemon {
  readonly name: string;
  /** With every default of the instance in it. */
  readonly source: DaemonSource;
  /** As it was written; null where defaults of the instance reach it, which the line does not say. */
  readonly line: Line | null;
}

export interface Sources {
  readonly options: readonly Line[];
  readonly daemons: readonly WritableDaemon[];
  /** Names of options that the environment sets, and that are left out. */
  readonly leftOut: readonly string[];
}

export interface WriteOptions {
  readonly options: readonly RawOption[];
  readonly sections: readonly DaemonSection[];
  /** Made of the same, without an error. */
  readonly plan: Plan;
  /** The first FILE as it was named, with its section; "": none. */
  readonly asked: string;
}

const OF_DAEMONS: ReadonlySet<string> = new Set([
  ...LINE_OPTIONS,
  "only-daemons",
  ...DEFAULT_KEYS.map(({ key }) => defaultOption(key)),
]);

export function collectSources({ options, sections, plan, asked }: WriteOptions): Sources {
  const isOutside = ({ origin }: RawOption): boolean => origin.file === "environment";
  const inside = options.filter((option) => !isOutside(option));
  // The Plan's own names, made when all daemons were known.
  const reader = new OptionReader(options, new Diagnostics());
  const defaults = defaultKeys(new OptionReader(inside, new Diagnostics()));
  const sources = readSources(reader, sections);
  const daemons = sources.flatMap((source, index): WritableDaemon[] => {
    const name = plan.daemons[index]?.name;
    if (name === undefined || isOutside(source.line)) return [];
    const whole = withDefaults(source, defaults);
    const isLine = source.option !== "section" && whole === source;
    return [{ name, source: whole, line: isLine ? { name: source.option, value: source.line.value } : null }];
  });
  const own = inside.filter(({ name }) => !OF_DAEMONS.has(name));
  return {
    options: [...nameOption(plan, asked, own), ...own],
    daemons,
    leftOut: [...new Set(options.filter(isOutside).map(({ name }) => name))],
  };
}

/** The instance keeps its name where that of the file alone is another. */
function nameOption({ instance }: Plan, asked: string, options: readonly RawOption[]): readonly Line[] {
  if (options.some(({ name }) => name === "instance-name")) return [];
  const [usual] = instanceNames(splitSourceName(asked).path, "/").names;
  return asked !== "" && usual === instance.name ? [] : [{ name: "instance-name", value: instance.name }];
}
