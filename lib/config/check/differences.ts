/**
 * The places where reeve runs this configuration otherwise than uWSGI on purpose, as notes for `reeve check`.
 * Pure. Each difference is described in docs/uwsgi.md.
 */
import type { Diagnostics } from "../diagnostic.ts";
import { findKey } from "../options/daemon_keys.ts";
import { splitItems } from "../values/keyval.ts";
import type { RawOption } from "../origin.ts";
import { noteJailDifferences, noteLegionDifferences } from "./differences_jail.ts";
import type { Plan } from "../plan/plan.ts";

/** One note for each difference that this configuration meets, at the first line that meets it. */
export function noteDifferences(plan: Plan, options: readonly RawOption[], diagnostics: Diagnostics): void {
  noteResolvedNames(options, diagnostics);
  noteSections(plan, diagnostics);
  const daemons = plan.daemons.filter(({ option }) => option !== "section");
  // With the instance's own uid uWSGI sets the groups as well.
  const withGroups = daemons.find(({ identity }) =>
    identity !== null && identity !== plan.instance.identity && identity.groups.length > 0
  );
  if (withGroups !== undefined) {
    const groups = withGroups.identity?.groups.join(", ");
    diagnostics.note(
      `difference 2: "${withGroups.name}" gets the groups of its user (${groups}); uWSGI leaves root's`,
      withGroups.origins.identity ?? withGroups.origin,
    );
  }
  const smart = daemons.find(({ pidfile }) => pidfile !== null);
  if (smart !== undefined) {
    diagnostics.note(
      `difference 3: the pid in "${smart.pidfile}" counts only if that process is older than the file; ` +
        `uWSGI adopts any process that has the pid`,
      smart.origin,
    );
  }
  noteLegionDifferences(plan, diagnostics);
  noteTermination(plan, options, diagnostics);
  noteJailDifferences(plan, options, diagnostics);
}

/** To uWSGI they are sections that nobody asked for. */
function noteSections({ daemons }: Plan, diagnostics: Diagnostics): void {
  const [first, ...others] = daemons.filter(({ option }) => option === "section");
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  diagnostics.note(
    `difference 55: daemon "${first.name}"${more} of sections [daemon:NAME] are reeve's alone; uWSGI passes them over`,
    first.origin,
  );
}

/** Names where uWSGI's atoi makes 0 of them. */
function noteResolvedNames(options: readonly RawOption[], diagnostics: Diagnostics): void {
  for (const option of options) {
    if (option.name !== "attach-daemon2") continue;
    for (const item of splitItems(option.value, ",")) {
      const [word = "", value = ""] = item.split("=", 2).map((part) => part.trim());
      const type = findKey(word)?.type;
      const isId = type === "user" || type === "group";
      if (!isId && type !== "signal" || /^\d+$/.test(value)) continue;
      const zero = isId ? "0, which leaves root" : "0, which is no signal";
      diagnostics.note(
        `difference 1: the name in "${word}=${value}" is resolved; uWSGI makes it ${zero}`,
        option.origin,
      );
      return;
    }
  }
}

function noteTermination(plan: Plan, options: readonly RawOption[], diagnostics: Diagnostics): void {
  if (plan.instance.sigtermReloads || options.some(({ name }) => name === "die-on-term")) return;
  diagnostics.note(
    "difference 5: SIGTERM stops; uWSGI 2.0 reloads unless die-on-term is set (sigterm-reloads = true does the same)",
    null,
  );
}
