/**
 * Puts together who elects the lord of a legion, from its Plan. Each transport is loaded only where a legion
 * uses it: etcd's is large, and cryptography costs time at every start.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import type { LegionPlan } from "../config/plan/legion_plan.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { bootTime } from "../sys/process/identity.ts";
import type { GuardOptions } from "../sys/child/guard.ts";
import type { Elector } from "./election/elector.ts";

export interface ElectorOptions {
  readonly plan: LegionPlan;
  /** Milliseconds: the longest stop_timeout among the legion's daemons. */
  readonly grace: number;
  /** Where a guard's PID namespace is to lie (in a jail); null: where reeve is. */
  readonly within: () => GuardOptions | null;
  readonly log: (level: "debug" | "info" | "warning" | "error", text: string, fields?: LogFields) => void;
}

/**
 * Others take no announcement without a name, and such a node would never be heard: a host that was given
 * none goes by this.
 */
export function nodeName(hostname: string): string {
  return hostname === "" ? "localhost" : hostname;
}

type LogFields = Readonly<Record<string, string | number>>;

/** Rejects with an Error that says what of the Plan does not work here. */
export async function openElector({ plan, grace, within, log }: ElectorOptions): Promise<Elector> {
  const { transport } = plan;
  // The identity of one start: a node that comes back is another to the others.
  const self = { uuid: crypto.randomUUID(), name: nodeName(process.getBuiltinModule("node:os").hostname()) };
  if (transport.kind === "etcd") {
    const { openEtcdCandidate } = await import("./etcd/open.ts");
    return openEtcdCandidate({ plan, transport, self: { ...self, valor: plan.valor }, grace, within, log });
  }
  const { PacketElector } = await import("./packets/elector.ts");
  const { Packets } = await import("./packets/packets.ts");
  const { Refusals } = await import("./packets/refusals.ts");
  const { UdpTransport } = await import("./packets/udp.ts");
  const { UnixTransport } = await import("./packets/unix_transport.ts");
  const about = (text: string): string => `legion "${plan.name}": ${text}`;
  const ofLegion = (level: "info" | "warning" | "error", text: string): void => log(level, about(text));
  return new PacketElector({
    plan,
    self: { ...self, pid: instancePid() },
    transport: transport.listen.kind === "unix"
      ? new UnixTransport(transport, ofLegion)
      : new UdpTransport(transport, ofLegion),
    packets: new Packets({
      legion: plan.name,
      uuid: self.uuid,
      cipher: transport,
      authSecret: transport.authSecret,
      skewTolerance: plan.skewTolerance,
    }),
    refusals: new Refusals((text, fields) => log("warning", about(text), fields)),
    timers: LOOP_TIMERS,
    now: bootTime,
    wall: () => Date.now(),
    log,
  });
}
