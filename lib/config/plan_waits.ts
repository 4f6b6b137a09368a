/** The wait-for-* options with their time-outs. Pure. */
import type { Wait, WaitKind } from "./plan.ts";
import type { OptionReader } from "./plan_options.ts";
import { parseSeconds } from "./plan_options.ts";

/** uWSGI 2.0's; a time-out of 0, which it takes for 60 as well, is for ever here. */
const DEFAULT_SECONDS = 60;

const INTERFACE_NAMES = ["wait-for-interface", "wait-for-iface", "wait-interface", "wait-iface"];

/** Kinds in uWSGI's order, each with its options and the option of its time-out. */
const KINDS: readonly (readonly [what: WaitKind, names: readonly string[], timeouts: readonly string[]])[] = [
  ["interface", INTERFACE_NAMES, INTERFACE_NAMES.map((name) => `${name}-timeout`)],
  ["fs", ["wait-for-fs"], ["wait-for-fs-timeout"]],
  ["file", ["wait-for-file"], ["wait-for-fs-timeout", "wait-for-file-timeout"]],
  ["dir", ["wait-for-dir"], ["wait-for-fs-timeout", "wait-for-dir-timeout"]],
  ["mountpoint", ["wait-for-mountpoint"], ["wait-for-fs-timeout"]],
  ["socket", ["wait-for-socket"], ["wait-for-socket-timeout"]],
];

export function planWaits(reader: OptionReader): readonly Wait[] {
  const waits: Wait[] = [];
  for (const [what, names, timeouts] of KINDS) {
    const options = reader.all(...names);
    const timeout = reader.last(...timeouts);
    const seconds = timeout === null ? null : parseSeconds(timeout, reader.diagnostics);
    for (const option of options) {
      if (!reader.needText(option)) continue;
      waits.push({ what, target: option.value, timeout: seconds ?? DEFAULT_SECONDS, origin: option.origin });
    }
  }
  return waits;
}
