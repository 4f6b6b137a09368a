/**
 * What the host has mounted, as far as a test could have changed it: its own directory, and what every host
 * has. Other tests mount for themselves at the same time, in places of their own.
 */
import { readFileSync } from "node:fs";

const SYSTEM = /^\/$|^\/(dev|proc|sys|bin|etc|usr)(\/|$)/;

/**
 * Line by line, with numbers and propagation. `own`: the directory of the test, in which nothing may be left.
 */
export function hostMounts(own: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => {
    const point = line.split(" ")[4] ?? "";
    return point.startsWith(`${own}/`) || SYSTEM.test(point);
  });
}
