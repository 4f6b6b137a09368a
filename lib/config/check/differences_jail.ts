/**
 * The places where reeve makes a jail or takes part in a legion otherwise than uWSGI on purpose, as notes for
 * `reeve check`. Pure. Each difference is described in docs/uwsgi.md.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { LegionPlan, UdpTransportPlan } from "../plan/legion_plan.ts";
import type { RawOption } from "../origin.ts";
import type { Plan } from "../plan/plan.ts";
import { addressText, isBroadcast, isMulticast } from "../system/addresses.ts";

export function noteJailDifferences(
  plan: Plan,
  options: readonly RawOption[],
  diagnostics: Diagnostics,
): void {
  const { jail, hooks, identity } = plan.instance;
  const asRoot = hooks.find(({ phase, action }) => phase === "as-root" && action.kind === "exec");
  if (asRoot !== undefined && identity === null && !options.some(({ name }) => name === "uid")) {
    diagnostics.note(
      "difference 22: a command of exec-as-root runs once; uWSGI runs it three times when there is no uid",
      asRoot.origin,
    );
  }
  if (jail !== null && (jail.root !== null || jail.namespaces.length > 0)) {
    diagnostics.note(
      `difference 27: reeve stays outside: what ${jail.option} makes is for daemons and inner hooks; ` +
        "uWSGI's master moves in, and when it dies all in there die",
      jail.origin,
    );
  }
  if (jail?.environment === "clean") {
    diagnostics.note(
      "difference 28: daemons begin with PATH, TERM and LANG and the variables of env; " +
        "uWSGI's have the host's environment (namespace-env = inherit does the same)",
      jail.origin,
    );
  }
  const own = plan.daemons.find(({ namespaces }) => namespaces?.namespaces.includes("pid"));
  if (own !== undefined) {
    diagnostics.note(
      `difference 29: "${own.name}" has a /proc of its own, gets its stop signal and can handle it; ` +
        "uWSGI leaves the host's /proc and kills it",
      own.origin,
    );
  }
}

export function noteLegionDifferences(plan: Plan, diagnostics: Diagnostics): void {
  for (const legion of plan.instance.legions) {
    if (legion.transport.kind !== "udp") continue;
    if (legion.quorum > 1) {
      diagnostics.note(
        `difference 4: legion "${legion.name}" steps down at once when it loses its quorum; ` +
          "uWSGI may stay lord for a minute",
        legion.origin,
      );
    }
    noteSplit(legion, legion.transport, diagnostics);
  }
  const keyed = plan.daemons.find(({ option, legion }) => option === "attach-daemon2" && legion !== null);
  if (keyed !== undefined) {
    diagnostics.note(
      `difference 30: the key "legion" is obeyed; uWSGI passes it over and runs "${keyed.name}" on every node`,
      keyed.origins.legion ?? keyed.origin,
    );
  }
}

/** Not a difference: uWSGI's default has it as well, and it costs a database. */
function noteSplit(legion: LegionPlan, transport: UdpTransportPlan, diagnostics: Diagnostics): void {
  const { listen, nodes } = transport;
  const isShared = nodes.some(({ address }) => isMulticast(address) || isBroadcast(address));
  const others = nodes.filter(({ address }) => addressText(address) !== addressText(listen)).length;
  if (nodes.length === 0 || (isShared ? legion.quorum > 1 : legion.quorum > (others + 1) / 2)) return;
  const votes = isShared ? "VOTES (more than half of the nodes)" : String(Math.floor((others + 1) / 2) + 1);
  diagnostics.note(
    `legion "${legion.name}" can have a lord on each side of a parted network: ` +
      `legion-quorum = ${legion.name} ${votes} rules that out`,
    legion.origin,
  );
}
