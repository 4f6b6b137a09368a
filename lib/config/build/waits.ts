/** The wait-for-* options with their time-outs. Pure. */
import type { Wait, WaitKind } from "../plan/hook_plan.ts";
import type { OptionReader } from "../values/options.ts";

/** uWSGI 2.0's; a time-out of 0, which it takes for 60 as well, is for ever here. */
const DEFAULT_SECONDS = 60;

/** In uWSGI's order of the kinds. */
export function planWaits(reader: OptionReader): readonly Wait[] {
  const seconds = (option: string): number => reader.seconds(option) ?? DEFAULT_SECONDS;
  const forInterface = seconds("wait-for-interface-timeout");
  const forFile = seconds("wait-for-fs-timeout");
  const forSocket = seconds("wait-for-socket-timeout");
  const kinds: readonly (readonly [what: WaitKind, timeout: number])[] = [
    ["interface", forInterface],
    ["fs", forFile],
    ["file", forFile],
    ["dir", forFile],
    ["mountpoint", forFile],
    ["socket", forSocket],
  ];
  return kinds.flatMap(([what, timeout]) =>
    reader.all(`wait-for-${what}`).filter((option) => reader.needText(option))
      .map(({ value: target, origin }) => ({ what, target, timeout, origin }))
  );
}
