/** Plans for tests to change: what the builder makes of a configuration with nothing but the command. */
import type { DaemonPlan } from "../../lib/config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../lib/config/plan/instance_plan.ts";
import { build } from "../config/build/fake_system.ts";

const { plan } = build("attach-daemon2 = name=d,cmd=./d");
const [daemon] = plan.daemons;
if (daemon === undefined) throw new Error("the builder makes no daemon");

export const DUMB_PLAN: DaemonPlan = { ...daemon, option: "attach-daemon", origins: {} };

export const SMART_PLAN: DaemonPlan = {
  ...DUMB_PLAN,
  option: "smart-attach-daemon",
  kind: "smart",
  pidfile: "/run/d.pid",
};

export const SMART2_PLAN: DaemonPlan = { ...SMART_PLAN, option: "smart-attach-daemon2", kind: "smart2" };

const { origins: _none, ...instance } = plan.instance;
export const INSTANCE_PLAN: InstancePlan = {
  ...instance,
  name: "x",
  naming: { identity: "/etc/x.ini", names: ["x"] },
};
