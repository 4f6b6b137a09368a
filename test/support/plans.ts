/** Plans for tests to change: what a configuration with nothing but the command would give. */
import type { DaemonPlan } from "../../lib/config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../lib/config/plan/instance_plan.ts";

const ORIGIN = { file: "x.ini", line: 1 };

export const DUMB_PLAN: DaemonPlan = {
  name: "d",
  option: "attach-daemon",
  kind: "dumb",
  command: { kind: "words", text: "./d", words: ["./d"] },
  pidfile: null,
  freq: 10,
  control: false,
  touch: [],
  stopSignal: 15,
  reloadSignal: null,
  stdin: false,
  identity: null,
  chdir: null,
  maxThrottle: 300,
  notifyPid: false,
  stopTimeout: 3,
  namespaces: null,
  capsBound: null,
  noNewPrivs: false,
  legion: null,
  origin: ORIGIN,
  origins: {},
};

export const SMART_PLAN: DaemonPlan = {
  ...DUMB_PLAN,
  option: "smart-attach-daemon",
  kind: "smart",
  pidfile: "/run/d.pid",
};

export const SMART2_PLAN: DaemonPlan = { ...SMART_PLAN, option: "smart-attach-daemon2", kind: "smart2" };

export const INSTANCE_PLAN: InstancePlan = {
  name: "x",
  naming: { identity: "/etc/x.ini", names: ["x"] },
  runDir: null,
  identity: null,
  umask: null,
  chdir: null,
  environment: [],
  pidfiles: [],
  vacuum: false,
  daemonize: false,
  log: {
    file: null,
    asUser: false,
    format: "text",
    date: null,
    prefix: null,
    maxSize: 0,
    backupName: null,
    truncate: false,
    chown: false,
    mode: null,
    reopen: false,
  },
  reloadMercy: 3,
  exitOnReload: false,
  sigtermReloads: false,
  userEnvironment: "user",
  touchReload: [],
  touchLogReopen: [],
  touchLogRotate: [],
  touchExec: [],
  fsReload: [],
  hooks: [],
  waits: [],
  limitAs: null,
  limitNproc: null,
  nice: null,
  cpuAffinity: null,
  caps: null,
  masterFifo: [],
  jail: null,
  setnsServer: null,
  legions: [],
  stats: null,
  shell: "/bin/sh",
  procnamePrefix: null,
};
