/**
 * The settings of an instance that a Plan has: what each is called, whom it reaches, and how a change of it
 * is applied. Total: a field without a row does not compile. Pure.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";

export type InstanceField = Exclude<keyof InstancePlan, "origins" | "naming">;

/** How a change of what is no daemon's is applied. stop: the instance is stopped and started. */
export type InstanceChangeClass = "reload" | "stop";

interface SettingOfAll {
  /** The name of its option. */
  readonly name: string;
  /** A setting of several parts, by their names: each is compared by itself. */
  readonly parts?: (instance: InstancePlan) => readonly (readonly [name: string, value: unknown])[];
}

/** It says how a daemon is started: a change is one of the daemons that it reaches. */
export interface DaemonsSetting extends SettingOfAll {
  readonly change: "restart";
  readonly reaches: (daemon: DaemonPlan) => boolean;
}

export type InstanceSetting = DaemonsSetting | (SettingOfAll & { readonly change: InstanceChangeClass });

const every = (): boolean => true;
const isRelative = (path: string | null): boolean => path === null || !path.startsWith("/");

export const INSTANCE_SETTINGS: Readonly<Record<InstanceField, InstanceSetting>> = {
  name: { name: "instance-name", change: "stop" },
  runDir: { name: "run-dir", change: "stop" },
  identity: { name: "uid", change: "reload" },
  umask: { name: "umask", change: "restart", reaches: every },
  chdir: {
    name: "chdir",
    change: "restart",
    reaches: ({ chdir, pidfile, namespaces }) =>
      namespaces?.root == null && (isRelative(chdir) || (pidfile !== null && isRelative(pidfile))),
  },
  environment: {
    name: "env",
    change: "restart",
    reaches: every,
    // Where a variable is set several times the last one counts.
    parts: ({ environment }) => [...new Map(environment.map(({ name, value }) => [`env ${name}`, value]))],
  },
  userEnvironment: {
    name: "user-env",
    change: "restart",
    reaches: ({ identity }) => identity?.login !== undefined,
  },
  pidfiles: { name: "pidfile", change: "reload" },
  vacuum: { name: "vacuum", change: "reload" },
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
      ["logfile-chown", log.chown],
      ["logfile-chmod", log.mode],
    ],
  },
  reloadMercy: { name: "reload-mercy", change: "reload" },
  exitOnReload: { name: "exit-on-reload", change: "reload" },
  sigtermReloads: { name: "sigterm-reloads", change: "reload" },
  touchReload: { name: "touch-reload", change: "reload" },
  touchLogReopen: { name: "touch-logreopen", change: "reload" },
  touchLogRotate: { name: "touch-logrotate", change: "reload" },
  touchExec: { name: "touch-exec", change: "reload" },
  fsReload: { name: "fs-reload", change: "reload" },
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
  limitAs: { name: "limit-as", change: "restart", reaches: every },
  limitNproc: { name: "limit-nproc", change: "restart", reaches: every },
  nice: { name: "prio", change: "restart", reaches: every },
  cpuAffinity: { name: "cpu-affinity", change: "restart", reaches: every },
  caps: { name: "cap", change: "restart", reaches: every },
  masterFifo: { name: "master-fifo", change: "reload" },
  shell: { name: "binsh", change: "reload" },
  procnamePrefix: { name: "procname-prefix", change: "reload" },
  jail: { name: "namespace", change: "stop" },
  setnsServer: { name: "setns-socket", change: "reload" },
  legions: {
    name: "legion",
    change: "reload",
    parts: ({ legions }) => legions.map((legion) => [`legion ${legion.name}`, legion]),
  },
  stats: { name: "stats", change: "reload" },
  stateDir: { name: "state-dir", change: "reload" },
  controlPath: { name: "control-path", change: "stop" },
  controlAllow: {
    name: "control-allow",
    change: "reload",
    parts: ({ controlAllow }) => [
      ["control-allow", controlAllow.map(({ kind, id, level }) => [kind, id, level])],
    ],
  },
};
