/**
 * The descriptors of this process, so that a test can say which of them were left open. Must never count
 * those that went away: the runtime closes what an earlier test used when it likes.
 */
import { readdirSync, readlinkSync } from "node:fs";

/** Of the runtime itself, made when it first needs them. */
const RUNTIMES = /^anon_inode:\[(?:eventpoll|eventfd|timerfd)\]$/;

/** Each number with what it leads to. */
export type Descriptors = ReadonlyMap<string, string>;

export function openDescriptors(): Descriptors {
  const found = new Map<string, string>();
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      found.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The one by which this directory was read.
    }
  }
  return found;
}

/** What is open now and was not: "13 /tmp/x". */
export function openedSince(before: Descriptors): string[] {
  return [...openDescriptors()].filter(([fd, target]) => before.get(fd) !== target && !RUNTIMES.test(target))
    .map(([fd, target]) => `${fd} ${target}`);
}
