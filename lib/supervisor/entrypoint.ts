/**
 * `reeve -- COMMAND` alone: there is nothing to supervise, so reeve turns into the helper's init, which is as
 * transparent as tini: a few KB, every signal forwarded, the command's exit code its own, orphans reaped and
 * stopped.
 */
import type { Plan } from "../config/plan/plan.ts";
import { ownCredentials, readUmask } from "../sys/process/own_process.ts";
import { isTerminal } from "../sys/process/tty.ts";
import { signalsOf } from "../sys/signal_names.ts";
import { becomeInit } from "../sys/child/spawn.ts";
import { daemonChild } from "../process/child_builder.ts";
import { changeEnvironment, MACHINERY_PREFIX } from "../process/environment.ts";
import type { InitOptions } from "../sys/child/pack.ts";

/** Whether the instance is nothing but the entrypoint: no setting that needs a supervisor. */
export function isEntrypointAlone(plan: Plan): boolean {
  const { instance } = plan;
  const only = plan.daemons.length === 1 && plan.daemons[0]?.option === "entrypoint";
  const served = instance.hooks.length + instance.waits.length + instance.pidfiles.length +
    instance.masterFifo.length +
    instance.touchReload.length + instance.touchLogReopen.length + instance.touchLogRotate.length +
    instance.touchExec.length + instance.fsReload.length;
  const lives = instance.jail !== null || instance.setnsServer !== null || instance.legions.length > 0 ||
    instance.stats !== null || plan.daemons.some(({ namespaces }) => namespaces !== null);
  return only && served === 0 && !lives && instance.log.file === null && !instance.daemonize;
}

/** The changes that the words before `--` ask for. */
export interface EntrypointFlags
  extends Pick<InitOptions, "verbose" | "tellReaped" | "rewrite" | "zeroCodes" | "parentDeathSignal"> {
  /** Signals are for COMMAND alone, which stays in reeve's session; what it leaves behind is left alone. */
  readonly single: boolean;
}

/**
 * Returns only by throwing. Without options or variables of uWSGI the stub has done the same before any
 * runtime was started (native/stub/entrypoint.c).
 */
export function becomeEntrypoint(plan: Plan, flags: EntrypointFlags | null, mask: bigint | null): never {
  const { instance } = plan;
  const daemon = plan.daemons[0];
  if (daemon === undefined) throw new Error("there is no command");
  // COMMAND is what reeve was started for: what is addressed to reeve is meant for it.
  const own = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith(MACHINERY_PREFIX) ? [] : [`${name}=${value}`]
  );
  const environment = changeEnvironment({ list: own, path: "" }, instance.environment);
  const inherited = {
    umask: readUmask(),
    rlimits: [],
    isRoot: ownCredentials().effectiveUid === 0,
    cpuCount: navigator.hardwareConcurrency,
    terminal: isTerminal(0),
  };
  const spec = daemonChild(daemon, instance, 0, environment, inherited);
  const { single = false, ...init } = flags ?? {};
  becomeInit(
    {
      ...spec,
      spawnId: 1,
      chdir: spec.chdir ?? instance.chdir,
      parentDeathSignal: null,
      blockedSignals: mask === null ? [] : signalsOf(mask),
      session: single ? "same" : spec.session,
    },
    {
      ...init,
      restart: false,
      job: true,
      forwardGroup: !single,
      stopOrphans: !single,
      graceMs: Math.round(daemon.stopTimeout * 1000),
    },
  );
}
