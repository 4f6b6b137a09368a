/**
 * The settings of an instance that a Plan has: what each is called, and how a change of it is applied. Total:
 * a field without a row does not compile. Data only.
 */
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { ChangeClass } from "./daemon_keys.ts";

export type InstanceField = Exclude<keyof InstancePlan, "origins" | "naming">;

/**
 * restart: it reaches every daemon at its start. live, kernel: as for a daemon. reload: a reload of the
 * instance takes it over. stop: the instance is stopped and started.
 */
export type InstanceChangeClass = Exclude<ChangeClass, "name"> | "reload" | "stop";

export interface InstanceSetting {
  /** The name of its option. */
  readonly name: string;
  readonly change: InstanceChangeClass;
  /** A setting of several parts, by their names: each is compared by itself. */
  readonly parts?: (instance: InstancePlan) => readonly (readonly [name: string, value: unknown])[];
}

export const INSTANCE_SETTINGS: Readonly<Record<InstanceField, InstanceSetting>> = {
  name: { name: "instance-name", change: "stop" },
  runDir: { name: "run-dir", change: "stop" },
  identity: { name: "uid", change: "reload" },
  umask: { name: "umask", change: "restart" },
  chdir: { name: "chdir", change: "restart" },
  environment: {
    name: "env",
    change: "restart",
    parts: ({ environment }) => environment.map(({ name, value }) => [`env ${name}`, value]),
  },
  userEnvironment: { name: "user-env", change: "restart" },
  pidfiles: { name: "pidfile", change: "reload" },
  vacuum: { name: "vacuum", change: "live" },
  daemonize: { name: "daemonize", change: "stop" },
  log: {
    name: "logto",
    change: "reload",
    parts: ({ log }) => [
      ["logto", [log.file, log.asUser]],
      ["log-format", log.format],
      ["log-date", log.date],
      ["log-prefix", log.prefix],
      ["log-maxsize", log.maxSize],
      ["log-backupname", log.backupName],
      ["log-truncate", log.truncate],
      ["log-reopen", log.reopen],
    ],
  },
  reloadMercy: { name: "reload-mercy", change: "live" },
  exitOnReload: { name: "exit-on-reload", change: "live" },
  sigtermReloads: { name: "sigterm-reloads", change: "live" },
  touchReload: { name: "touch-reload", change: "live" },
  touchLogReopen: { name: "touch-logreopen", change: "live" },
  touchLogRotate: { name: "touch-logrotate", change: "live" },
  touchExec: { name: "touch-exec", change: "live" },
  fsReload: { name: "fs-reload", change: "live" },
  hooks: {
    name: "hook",
    change: "reload",
    parts: ({ hooks }) => hooks.map(({ phase, action }) => [`hook-${phase}`, action]),
  },
  waits: {
    name: "wait-for",
    change: "reload",
    parts: ({ waits }) => waits.map((wait) => [`wait-for-${wait.what}`, wait]),
  },
  limitAs: { name: "limit-as", change: "kernel" },
  limitNproc: { name: "limit-nproc", change: "kernel" },
  nice: { name: "prio", change: "kernel" },
  cpuAffinity: { name: "cpu-affinity", change: "kernel" },
  caps: { name: "cap", change: "restart" },
  masterFifo: { name: "master-fifo", change: "reload" },
  shell: { name: "binsh", change: "live" },
  procnamePrefix: { name: "procname-prefix", change: "reload" },
  jail: { name: "namespace", change: "stop" },
  setnsServer: { name: "setns-socket", change: "reload" },
  legions: {
    name: "legion",
    change: "reload",
    parts: ({ legions }) => legions.map((legion) => [`legion ${legion.name}`, legion]),
  },
  stats: { name: "stats", change: "reload" },
  controlPath: { name: "control-path", change: "stop" },
  controlAllow: {
    name: "control-allow",
    change: "reload",
    parts: ({ controlAllow }) => [
      ["control-allow", controlAllow.map(({ kind, id, level }) => [kind, id, level])],
    ],
  },
};
