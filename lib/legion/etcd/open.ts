/**
 * Puts a node of an etcd legion together from its Plan. Loaded only where a legion uses etcd: nothing else
 * imports it, nor what it imports, statically.
 */
import { readFileSync } from "node:fs";
import type { EtcdTransportPlan, LegionPlan } from "../../config/plan/legion_plan.ts";
import { LOOP_TIMERS } from "../../sys/timers.ts";
import { bootTime } from "../../sys/process/identity.ts";
import { Guard, type GuardOptions } from "../../sys/child/guard.ts";
import type { NodeId } from "../election/announcement.ts";
import { EtcdCandidate } from "./candidate.ts";
import { EtcdClient } from "./client.ts";
import { directoryKeys } from "./directory.ts";
import { openHttp } from "./http.ts";
import { EtcdSession } from "./session.ts";
import { attemptPatience, longestGrace } from "./times.ts";

export interface EtcdOptions {
  readonly plan: LegionPlan;
  readonly transport: EtcdTransportPlan;
  readonly self: NodeId;
  /** Milliseconds: the longest stop_timeout among the legion's daemons. */
  readonly grace: number;
  /** Where a guard's PID namespace is to lie (in a jail); null: where reeve is. */
  readonly within: () => GuardOptions | null;
  readonly log: (level: "debug" | "info" | "warning" | "error", text: string) => void;
}

const LOOPBACK = /^http:\/\/(localhost|127\.|\[::1\])/;

/** Throws when a file of the transport cannot be read. */
export function openEtcdCandidate(options: EtcdOptions): EtcdCandidate {
  const { plan, transport, self, within, log } = options;
  const { user } = transport;
  const about = (level: "debug" | "info" | "warning" | "error", text: string): void =>
    log(level, `legion "${plan.name}": ${text}`);
  const isOpen = transport.urls.some((url) => url.startsWith("http:") && !LOOPBACK.test(url));
  if (user !== null && isOpen) {
    about("warning", "the password goes over the network for everybody to read: use https");
  }
  const short = longestGrace(transport.ttl * 1000);
  if (options.grace > short) {
    about(
      "info",
      `once etcd cannot be reached its daemons have ${(short / 1000).toFixed(1)} s to stop instead of ${
        options.grace / 1000
      } s; ttl=${Math.ceil(options.grace * 3 / 1000)} would leave them that`,
    );
  }
  const password = (): string => {
    try {
      return readFileSync(user?.passwordFile ?? "", "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      throw new Error(`cannot read password file "${user?.passwordFile ?? ""}" for etcd`, { cause: error });
    }
  };
  const client = new EtcdClient({
    urls: transport.urls.map((url) => url.replace(/\/+$/, "")),
    user: user === null ? null : { name: user.name, password },
    http: openHttp(transport.tls),
    now: bootTime,
    patience: () => attemptPatience(transport.ttl * 1000),
  });
  const keys = directoryKeys(transport.prefix, plan.name);
  return new EtcdCandidate({
    self,
    session: new EtcdSession(client, keys, self, transport.ttl),
    url: () => client.url,
    urls: transport.urls,
    grace: options.grace,
    startGuard: (deadline, events) => new Guard(deadline, within(), events),
    timers: LOOP_TIMERS,
    now: bootTime,
    log: about,
  });
}
