/**
 * Daemons that cannot run as things are on this host, and how bad that is: one of several keeps no other
 * down, but an instance none of whose daemons can run is not worth starting. The same for a check and for a
 * start. Pure.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";

interface Fault {
  readonly daemon: DaemonPlan;
  readonly text: string;
  /** It may be running already. */
  readonly mayRun: boolean;
}

export class Faults {
  readonly #list: Fault[] = [];

  add(daemon: DaemonPlan, text: string, mayRun: boolean): void {
    this.#list.push({ daemon, text, mayRun });
  }

  get names(): readonly string[] {
    return [...new Set(this.#list.map(({ daemon }) => daemon.name))];
  }

  /** `mayCome`: something runs before the daemons and may bring what is missing. */
  report(daemons: readonly DaemonPlan[], mayCome: boolean, diagnostics: Diagnostics): void {
    const failing = new Set(this.#list.filter(({ mayRun }) => !mayRun).map(({ daemon }) => daemon));
    const isHopeless = !mayCome && daemons.every((daemon) => failing.has(daemon));
    const seen = new Set<string>();
    for (const { daemon: { origin }, text } of this.#list) {
      const key = `${text} ${origin.file} ${origin.line}`;
      // A line in a loop makes many daemons.
      if (seen.has(key)) continue;
      seen.add(key);
      diagnostics[isHopeless ? "error" : "warning"](text, origin);
    }
  }
}
