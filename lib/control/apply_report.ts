/**
 * The answer to apply: the work on each daemon, in the form in which it goes over the control socket, and in
 * words. Pure; secrets are masked before.
 */
import type { Step, Steps, Work } from "../config/diff/steps.ts";

export interface ApplyOptions {
  readonly isDryRun: boolean;
  /** Smart daemons that are no longer configured run on, unsupervised. */
  readonly keepRemoved: boolean;
  /** Smart daemons that are to be started otherwise are restarted as well. */
  readonly restartSmart: boolean;
  /** Read in place of the instance's own; null: those. */
  readonly file: string | null;
}

export interface AppliedSetting {
  readonly name: string;
  readonly change: string;
  readonly from: string;
  readonly to: string;
}

export interface AppliedDaemon {
  readonly name: string;
  /** Its name so far, where it has another. */
  readonly was: string | null;
  readonly work: Work;
  readonly settings: readonly AppliedSetting[];
  readonly file: string | null;
  readonly line: number | null;
}

export interface ApplyReport {
  readonly "dry-run": boolean;
  readonly daemons: readonly AppliedDaemon[];
  readonly unchanged: number;
  /** Settings that are no daemon's, by what their change needs. */
  readonly reload: readonly string[];
  readonly stop: readonly string[];
  readonly warnings: readonly string[];
}

export function applyReport(steps: Steps, warnings: readonly string[], isDryRun: boolean): ApplyReport {
  const needing = (wanted: string): readonly string[] =>
    steps.instance.filter(({ change }) => change === wanted).map(({ name }) => name);
  return {
    "dry-run": isDryRun,
    daemons: steps.daemons.map(applied),
    unchanged: steps.unchanged.length,
    reload: needing("reload"),
    stop: needing("stop"),
    warnings,
  };
}

function applied({ name, was, work, settings, origin }: Step): AppliedDaemon {
  return {
    name,
    was: was === name ? null : was,
    work,
    settings: settings.map(({ keys, change, from, to }) => ({ name: keys[0] ?? "", change, from, to })),
    file: origin?.file ?? null,
    line: origin === null || origin.line === 0 ? null : origin.line,
  };
}

/** "restart: command", "stop", "live: stop_timeout; was called web". */
export function workText({ was, work, settings }: AppliedDaemon): string {
  const keys = settings.filter(({ change }) => change !== "name").map(({ name }) => name).join(", ");
  const renamed = was === null ? [] : [`was called ${was}`];
  return [...(work === "rename" ? [] : [WORDS[work](keys)]), ...renamed].join("; ");
}

const WORDS: Readonly<Record<Exclude<Work, "rename">, (keys: string) => string>> = {
  start: () => "new",
  stop: () => "stop",
  leave: () => "no longer configured: left running, unsupervised",
  restart: (keys) => `restart: ${keys}`,
  older: (keys) => `runs as it was started, until it is restarted: ${keys}`,
  later: (keys) => `from its next start on: ${keys}`,
  live: (keys) => `live: ${keys}`,
};
