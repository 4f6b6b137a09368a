/**
 * Carries out mount and umount hooks in reeve's own mount namespace. Undoes what it did when a later step
 * fails.
 */
import { type MountEntry, parseMountInfo } from "../sys/host/mount_info.ts";
import { readFileSync, realpathSync } from "node:fs";
import { mount, unmount } from "../sys/host/mounts.ts";
import { errorText } from "../sys/error_text.ts";
import { isBelow, planMount, planUmount, restrictFlags } from "./mount_flags.ts";
import { MNT_DETACH } from "../sys/native/constants.ts";

function mountTable(): MountEntry[] {
  try {
    return parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch (problem) {
    throw new Error(`cannot read the mount table, mount /proc first: ${errorText(problem)}`, {
      cause: problem,
    });
  }
}

/** Throws an Error (`cannot mount ...`). */
export function performMount(
  request: { type: string; source: string; target: string; flags: readonly string[]; data: string | null },
): void {
  const plan = planMount(request);
  mount(plan.call);
  if (plan.restrict === 0 && plan.propagation === 0) return;
  const target = realpathSync(request.target);
  try {
    if (plan.restrict !== 0) {
      // A later line of the same target lies on top of an earlier one, and a call by name reaches the top
      // only.
      const found = new Map<string, MountEntry>();
      for (const entry of mountTable()) {
        if (entry.target === target || (plan.recursive && isBelow(entry.target, target))) {
          found.set(entry.target, entry);
        }
      }
      for (const entry of found.values()) {
        const flags = restrictFlags(entry, plan.restrict);
        mount({ type: "none", source: "none", target: entry.target, flags, data: null });
      }
    }
    if (plan.propagation !== 0) {
      mount({ type: "none", source: "none", target, flags: plan.propagation, data: null });
    }
  } catch (problem) {
    // A bind that should be read-only must not stay writable.
    try {
      unmount(target, MNT_DETACH);
    } catch {
      // The first problem is the one to tell.
    }
    throw problem;
  }
}

/** Throws an Error (`cannot unmount ...`). */
export function performUmount(request: { target: string; flags: readonly string[] }): void {
  const { flags, recursive } = planUmount(request.flags);
  if (recursive) {
    const target = realpathSync(request.target);
    if (target === "/") throw new Error('cannot unmount "/": it is the root of everything that runs here');
    // Until nothing more can be unmounted, as uWSGI: what is below another may be hidden at first.
    for (let progress = true; progress;) {
      progress = false;
      for (const entry of mountTable().reverse()) {
        if (!isBelow(entry.target, target)) continue;
        try {
          unmount(entry.target, flags);
          progress = true;
        } catch {
          // In use: the last call will say so.
        }
      }
    }
  }
  unmount(request.target, flags);
}
