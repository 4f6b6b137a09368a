/**
 * Which boot this is, and when a process of it started in wall-clock time: what is needed to tell a process
 * from a later one with the same pid. Must never be used to measure durations: the wall clock jumps.
 */
import { native, unwrap } from "../native/native.ts";
import { readVirtual } from "../file/virtual_files.ts";

const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;
/** USER_HZ: what /proc counts in, whatever the kernel's own tick is. */
export const TICKS_PER_SECOND = 100;

const time = new BigInt64Array(2);

/** Random name of this boot; null where the kernel does not tell. */
export function bootId(): string | null {
  const bytes = readVirtual("/proc/sys/kernel/random/boot_id");
  return bytes === null ? null : new TextDecoder().decode(bytes).trim();
}

/** Wall-clock milliseconds at which the boot-time clock was 0, by the wall clock as it stands now. */
export function bootOffset(): number {
  return readClock(CLOCK_REALTIME) - readClock(CLOCK_BOOTTIME);
}

/** Milliseconds since boot, time asleep included. */
export function bootTime(): number {
  return readClock(CLOCK_BOOTTIME);
}

/**
 * Wall-clock milliseconds at which a process with this start time (ticks since boot) started; 10 ms coarse.
 */
export function startedAt(process: { readonly startTime: bigint }, offset: number = bootOffset()): number {
  return offset + (Number(process.startTime) * 1_000) / TICKS_PER_SECOND;
}

function readClock(clock: number): number {
  unwrap("clock_gettime", native().reeve_clock(clock, time), { doing: "read the clock" });
  return Number(time[0]!) * 1_000 + Number(time[1]!) / 1e6;
}
