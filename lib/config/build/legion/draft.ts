/** A legion while the lines that speak of it are read, and how such a line is taken apart. Pure. */
import type { EtcdTransportPlan, LegionHook, UdpTransportPlan } from "../../plan/legion_plan.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import type { Origin, RawOption } from "../../origin.ts";
import type { Field } from "../../values/field.ts";
import { nearestName } from "../../nearest.ts";

/** A UDP transport whose later lines are still to come. */
export type UdpDraft = { -readonly [Key in keyof UdpTransportPlan]: UdpTransportPlan[Key] } & {
  nodes: UdpTransportPlan["nodes"][number][];
};

export interface LegionDraft {
  readonly name: string;
  readonly valor: number;
  readonly origin: Origin;
  readonly transport: UdpDraft | EtcdTransportPlan;
  quorum: number;
  quorumOrigin: Origin | null;
  scroll: string | null;
  readonly hooks: LegionHook[];
}

/** The first blank divides (uWSGI 2.0): a name, and the rest as it stands; null where there is no rest. */
export function splitName(text: string): readonly [name: string, rest: string] | null {
  const space = text.indexOf(" ");
  const rest = text.slice(space + 1).trim();
  return space < 1 || rest === "" ? null : [text.slice(0, space), rest];
}

/** 0 and more; null, and an error that does not show the line, for anything else. */
export function parseValor(field: Field): number | null {
  const valor = /^\d{1,16}$/.test(field.value) ? Number(field.value) : NaN;
  if (valor <= Number.MAX_SAFE_INTEGER) return valor;
  return field.error(
    `cannot use ${field.name}: the valor must be a number from 0 (an arbiter, which is never lord) upwards`,
  );
}

/** A name that log lines, variables and keys of etcd can carry. */
export function checkLegionName(name: string, option: Field): boolean {
  const isGood = /^[^\s\0-\x1f\x7f\/]{1,255}$/.test(name);
  if (!isGood) {
    option.error(
      `cannot use ${option.name}: the name of a legion has 1 to 255 characters, no blank and no slash`,
    );
  }
  return isGood;
}

/**
 * Which names may be used from which line on. uWSGI 2.0: a legion comes before every option that names it.
 * Legions whose line is wrong are known as well, so that one mistake is one error.
 */
export class LegionNames {
  readonly #diagnostics: Diagnostics;
  readonly #lines = new Map<string, Origin>();
  readonly #defined = new Set<string>();

  constructor(definitions: readonly RawOption[], diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
    for (const { value, origin } of definitions) {
      const name = value.split(" ", 1)[0] ?? "";
      if (!this.#lines.has(name)) this.#lines.set(name, origin);
    }
  }

  /** From here on the name may be used; false, and an error, when it was defined before. */
  define(name: string, option: RawOption): boolean {
    if (this.#defined.has(name)) {
      const first = this.#lines.get(name)?.line ?? 0;
      const where = first > 0 ? ` in line ${first}` : "";
      this.#diagnostics.error(
        `legion "${name}" is defined${where} already: give this one another name`,
        option.origin,
      );
      return false;
    }
    this.#defined.add(name);
    return true;
  }

  /** Whether the name is that of a legion; else an error. `inOrder`: it must stand above. */
  require(name: string, what: string, origin: Origin, inOrder: boolean): boolean {
    if (this.#defined.has(name)) return true;
    const later = this.#lines.get(name);
    if (later !== undefined && !inOrder) return true;
    if (later !== undefined) {
      this.#diagnostics.error(
        `${what} names the legion "${name}" before its own line: put ${
          later.line > 0 ? `line ${later.line}` : "that"
        } above this one`,
        origin,
      );
      return false;
    }
    const near = nearestName(name, this.#lines.keys());
    const hint = near !== null
      ? `did you mean "${near}"?`
      : this.#lines.size > 0
      ? `there are ${[...this.#lines.keys()].map((known) => `"${known}"`).join(", ")}`
      : "no legion, legion-mcast or legion-etcd is configured";
    this.#diagnostics.error(`${what} names the unknown legion "${name}": ${hint}`, origin);
    return false;
  }
}
