/**
 * Legions and the statistics server of a Plan, in words and as JSON, for `reeve plan`. Pure. No secret is
 * shown.
 */
import type { EtcdTransportPlan, LegionPlan, UdpTransportPlan } from "../../config/plan/legion_plan.ts";
import type { StatsPlan } from "../../config/plan/stats_plan.ts";
import { HIDDEN, maskAddresses, maskLine } from "../../config/plan/mask.ts";
import type { Origin } from "../../config/origin.ts";
import { addressText } from "../../config/system/addresses.ts";
import { signalName } from "../../sys/signal_names.ts";

export type LegionRow = readonly [label: string, value: string, origin: Origin];

export function legionRows(legion: LegionPlan): readonly LegionRow[] {
  const { origin, transport } = legion;
  const rows: LegionRow[] = [[
    "valor",
    legion.valor === 0 ? "0: an arbiter, never lord" : String(legion.valor),
    origin,
  ]];
  const add = (label: string, value: string, from: Origin = origin): void =>
    void rows.push([label, value, from]);
  if (transport.kind === "udp") {
    addUdpRows(transport, add);
    add("quorum", legion.quorum === 0 ? "0: one vote is enough" : `${legion.quorum} votes`);
    add("packets", `every ${legion.freq} s; a node is gone after ${legion.tolerance} s of silence`);
    add("skew", `packets older than ${legion.skewTolerance} s are refused`);
  } else addEtcdRows(transport, add);
  if (legion.deathOnLordError !== null) {
    add("lord error", `out of the election for ${legion.deathOnLordError} s after a failed lord hook`);
  }
  if (legion.scroll !== null) add("scroll", maskLine(legion.scroll));
  add("hook timeout", `${legion.hookTimeout} s`);
  for (const hook of legion.hooks) add(`on ${hook.event}`, hook.shown, hook.origin);
  return rows;
}

function addUdpRows(
  transport: UdpTransportPlan,
  add: (label: string, value: string, from?: Origin) => void,
): void {
  const kind = transport.multicast ? " (multicast)" : transport.broadcast ? " (broadcast)" : "";
  add("listens on", `${addressText(transport.listen)}${kind}`);
  if (transport.multicastInterface !== null) add("interface", transport.multicastInterface);
  for (const { address, origin } of transport.nodes) add("node", addressText(address), origin);
  add("cipher", `${transport.cipher}, secret ${HIDDEN}${transport.iv === null ? "" : `, IV ${HIDDEN}`}`);
  if (transport.authSecret !== null) add("signed", `with the secret ${HIDDEN}; unsigned packets are refused`);
}

function addEtcdRows(transport: EtcdTransportPlan, add: (label: string, value: string) => void): void {
  add("etcd", transport.urls.map(maskAddresses).join(" "));
  add("lease", `${transport.ttl} s, under ${transport.prefix}`);
  if (transport.user !== null) {
    add("user", `${transport.user.name}, password in ${transport.user.passwordFile}`);
  }
  for (const [name, file] of Object.entries(transport.tls)) if (file !== null) add(name, file);
}

/** Fields as in the Plan, but for the secrets; origins are left in. */
export function legionToJson(legion: LegionPlan): Readonly<Record<string, unknown>> {
  return {
    ...legion,
    transport: transportToJson(legion.transport),
    scroll: legion.scroll === null ? null : maskLine(legion.scroll),
    hooks: legion.hooks.map(({ event, action, shown, origin }) => ({
      event,
      action: action.kind === "cmd"
        ? { ...action, command: maskLine(action.command) }
        : action.kind === "log"
        ? { ...action, text: maskAddresses(action.text) }
        : { ...action, signal: signalName(action.signal) },
      shown,
      origin,
    })),
  };
}

function transportToJson(transport: LegionPlan["transport"]): unknown {
  if (transport.kind === "etcd") return { ...transport, urls: transport.urls.map(maskAddresses) };
  return {
    ...transport,
    secret: HIDDEN,
    iv: transport.iv === null ? null : HIDDEN,
    authSecret: transport.authSecret === null ? null : HIDDEN,
  };
}

export function statsText({ address, http, minified }: StatsPlan): string {
  const where = address.kind === "unix" ? address.path : addressText({
    kind: address.host.includes(":") ? "udp6" : "udp4",
    address: address.host,
    port: address.port,
  });
  return `${where}${http ? ", over HTTP" : ""}${minified ? ", minified" : ""}`;
}
