/** The statistics server: stats, stats-http, stats-minified. Pure but for /etc/hosts. */
import type { StatsPlan } from "../plan/stats_plan.ts";
import { parseAddress } from "../system/addresses.ts";
import type { OptionReader } from "../values/options.ts";
import type { PlanDeps } from "../system/plan_deps.ts";
import { quote } from "../problem.ts";

/**
 * `HOST:PORT`, `:PORT` for every address of the host, `[IPV6]:PORT`, or the path of a unix socket; null
 * without one.
 */
export function planStats(reader: OptionReader, system: PlanDeps): StatsPlan | null {
  const option = reader.last("stats");
  if (option === null || !reader.needText(option)) return null;
  const { value, origin } = option;
  const parsed = parseAddress(value, system);
  if ("problem" in parsed) {
    reader.diagnostics.error(`cannot serve statistics on ${quote(value)}: ${parsed.problem}`, origin);
    return null;
  }
  const { address } = parsed;
  return {
    address: address.kind === "unix" ? address : { kind: "tcp", host: address.address, port: address.port },
    http: reader.flag("stats-http"),
    minified: reader.flag("stats-minified"),
    origin,
  };
}
