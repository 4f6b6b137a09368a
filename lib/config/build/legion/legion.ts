/**
 * Every legion-* option, as one LegionPlan for each legion. Pure but for /etc/hosts. Lines are read in the
 * order of the configuration, for a legion stands above what names it. A message never shows a line that may
 * hold a secret.
 */
import type { LegionEvent, LegionPlan } from "../../plan/legion_plan.ts";
import type { Field } from "../../values/field.ts";
import { checkLegionName, type LegionDraft, LegionNames, splitName, type UdpDraft } from "./draft.ts";
import { parseEtcdLegion } from "./etcd.ts";
import { LEGION_EVENTS, parseLegionHook } from "./hooks.ts";
import { addNode, checkUdpLegions, parseUdpLegion, setMulticastInterface } from "./udp.ts";
import { type OptionReader, parseSeconds } from "../../values/options.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import { quote } from "../../problem.ts";
import { parseInteger, parseSize } from "../../values/values.ts";

const DEFINITIONS = ["legion", "legion-mcast", "legion-etcd"];
/** The name of the rest of the line in messages. */
const REST: Readonly<Record<string, string>> = {
  "legion": "ADDRESS VALOR CIPHER:SECRET [IV]",
  "legion-mcast": "ADDRESS VALOR CIPHER:SECRET [IV]",
  "legion-etcd": "URL[,URL...] VALOR [KEY=VALUE ...]",
  "legion-node": "ADDRESS",
  "legion-quorum": "VOTES",
  "legion-scroll": "TEXT",
  "legion-mcast-if": "INTERFACE",
  "legion-auth": "SECRET",
  ...Object.fromEntries(LEGION_EVENTS.map((event) => [`legion-${event}`, "ACTION:ARGUMENTS"])),
};

/** uWSGI 2.0's, but for the last one: there a hook holds the election up for as long as it takes. */
const DEFAULTS = { freq: 3, tolerance: 15, skew: 60, scroll: 4096, scrollList: 32_768, hookTimeout: 30 };
/** Seconds. */
const SHORTEST = 0.05;
const LARGEST_SCROLL = 65_535;

export interface Legions {
  readonly plans: readonly LegionPlan[];
  readonly names: LegionNames;
}

export function planLegions(reader: OptionReader, system: PlanDeps): Legions {
  const names = new LegionNames(reader.all(...DEFINITIONS), reader.diagnostics);
  if (!reader.hasAny(["legion"])) return { plans: [], names };
  const lines = new LegionLines(system, names);
  for (const option of reader.all(...Object.keys(REST))) lines.read(option);
  checkUdpLegions(lines.drafts, reader.diagnostics);
  const common = planCommon(reader, lines.drafts.some(({ transport }) => transport.kind === "udp"));
  const plans = lines.drafts.map(({ quorumOrigin: _, ...draft }) => ({ ...draft, ...common }));
  for (const { name, scroll, scrollMaxSize } of plans) {
    const bytes = new TextEncoder().encode(scroll ?? "").length;
    if (bytes <= scrollMaxSize) continue;
    const option = reader.all("legion-scroll").findLast(({ value }) => value.startsWith(`${name} `));
    reader.diagnostics.error(
      `the scroll of legion "${name}" has ${bytes} bytes, and legion-scroll-max-size allows ${scrollMaxSize}`,
      option?.origin ?? null,
    );
  }
  return { plans, names };
}

class LegionLines {
  readonly drafts: LegionDraft[] = [];
  readonly #system: PlanDeps;
  readonly #names: LegionNames;

  constructor(system: PlanDeps, names: LegionNames) {
    this.#system = system;
    this.#names = names;
  }

  read(option: Field): void {
    const parts = splitName(option.value);
    if (parts === null) {
      option.error(`cannot use ${option.name}: it takes "NAME ${REST[option.name]}"`);
      return;
    }
    const [name, value] = parts;
    const rest = option.with({ value });
    if (DEFINITIONS.includes(option.name)) this.#define(name, rest);
    else if (this.#names.require(name, option.name, option.origin, true)) {
      // Without one its own line was wrong, and that is told.
      const draft = this.drafts.find((known) => known.name === name);
      if (draft !== undefined) this.#add(draft, rest);
    }
  }

  /** `rest`: the line without its name. */
  #define(name: string, rest: Field): void {
    if (!checkLegionName(name, rest) || !this.#names.define(name, rest)) return;
    const parse = rest.name === "legion-etcd" ? parseEtcdLegion : parseUdpLegion;
    const draft = parse(name, rest, this.#system);
    if (draft !== null) this.drafts.push(draft);
  }

  #add(draft: LegionDraft, rest: Field): void {
    const event = LEGION_EVENTS.find((known: LegionEvent) => rest.name === `legion-${known}`);
    if (event !== undefined) {
      const hook = parseLegionHook(event, rest);
      if (hook !== null) draft.hooks.push(hook);
      return;
    }
    if (rest.name === "legion-scroll") {
      draft.scroll = rest.value;
      return;
    }
    const { transport } = draft;
    if (transport.kind === "udp") return this.#addToUdp(draft, transport, rest);
    rest.error(
      `cannot use ${rest.name} with legion "${draft.name}": etcd decides who is its lord, so leave it out`,
    );
  }

  #addToUdp(draft: LegionDraft, transport: UdpDraft, rest: Field): void {
    switch (rest.name) {
      case "legion-node":
        return addNode(transport, rest, this.#system);
      case "legion-mcast-if":
        return setMulticastInterface(transport, rest);
      case "legion-auth":
        transport.authSecret = rest.value;
        return;
      case "legion-quorum":
        draft.quorum = parseInteger(rest, rest.diagnostics) ?? 0;
        draft.quorumOrigin = rest.origin;
    }
  }
}

type Common = Omit<LegionPlan, "name" | "valor" | "transport" | "quorum" | "scroll" | "hooks" | "origin">;

/** Options for all legions at once (uWSGI 2.0). */
function planCommon(reader: OptionReader, hasPackets: boolean): Common {
  const { diagnostics } = reader;
  const seconds = (name: string, otherwise: number, least: number): number => {
    const option = reader.last(name);
    const value = option === null ? null : parseSeconds(option, diagnostics);
    if (option === null || value === null) return otherwise;
    if (value >= least) return value;
    diagnostics.error(`${name} must be at least ${least} s, not ${quote(option.value)}`, option.origin);
    return otherwise;
  };
  const size = (name: string, otherwise: number, most: number): number => {
    const option = reader.last(name);
    const value = option === null ? null : parseSize(option, diagnostics);
    if (option === null || value === null || value === 0) return otherwise;
    if (value <= most) return value;
    diagnostics.error(`${name} must be at most ${most} bytes, not ${quote(option.value)}`, option.origin);
    return otherwise;
  };
  const freq = seconds("legion-freq", DEFAULTS.freq, SHORTEST);
  const tolerance = seconds("legion-tolerance", DEFAULTS.tolerance, SHORTEST);
  if (hasPackets) checkTolerance(freq, tolerance, reader);
  return {
    freq,
    tolerance,
    skewTolerance: seconds("legion-skew-tolerance", DEFAULTS.skew, 1),
    deathOnLordError: seconds("legion-death-on-lord-error", 0, 0) || null,
    scrollMaxSize: size("legion-scroll-max-size", DEFAULTS.scroll, LARGEST_SCROLL),
    scrollListMaxSize: size("legion-scroll-list-max-size", DEFAULTS.scrollList, Number.MAX_SAFE_INTEGER),
    hookTimeout: seconds("legion-hook-timeout", DEFAULTS.hookTimeout, SHORTEST),
  };
}

function checkTolerance(freq: number, tolerance: number, reader: OptionReader): void {
  if (tolerance >= 2 * freq) return;
  const option = reader.last("legion-tolerance", "legion-freq");
  const text = `legion-tolerance (${tolerance} s) must be longer than legion-freq (${freq} s)`;
  if (tolerance <= freq) {
    reader.diagnostics.error(
      `${text}: every node would be dropped between two packets`,
      option?.origin ?? null,
    );
  } else {
    reader.diagnostics.warning(
      `legion-tolerance (${tolerance} s) is less than twice legion-freq (${freq} s): one lost packet drops a node`,
      option?.origin ?? null,
    );
  }
}
