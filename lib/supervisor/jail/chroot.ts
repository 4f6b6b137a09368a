/**
 * chroot(2) alone: a root that every daemon changes to for itself. There is nothing to make, to lose or to
 * end; what is held is the directory, for files that are looked at in it.
 */
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import type { JailPlace } from "../../jail/place.ts";
import { jailSetup } from "../../jail/namespace_setup.ts";
import { errorText } from "../../sys/error_text.ts";
import { openDirectory } from "../../sys/file/files.ts";
import { readStat } from "../../sys/process/process_table.ts";
import type { HeldJail } from "./held_jail.ts";

export class ChrootHolder implements HeldJail {
  readonly plan: JailPlan;
  readonly isKept = false;
  readonly hasInit = false;
  readonly isOpen = true;
  readonly identity = null;
  readonly lost = new AbortController().signal;
  #place: JailPlace | null = null;

  constructor(plan: JailPlan) {
    this.plan = plan;
  }

  place(): JailPlace | null {
    return this.#place;
  }

  open(): Promise<void> {
    const path = this.plan.root?.path ?? "/";
    let rootFd: number;
    try {
      rootFd = openDirectory(path);
    } catch (error) {
      throw new Error(
        `cannot use chroot="${path}": ${errorText(error).replace(/^cannot open ".*?": /, "")}`,
        {
          cause: error,
        },
      );
    }
    const same = (pid: number): number | null => readStat(pid) === null ? null : pid;
    const confinement = { ...jailSetup(this.plan), pidNamespace: null, join: [], readyFd: null };
    this.#place = {
      initPid: null,
      rootFd,
      pidNamespaceFd: null,
      confinement,
      translatePid: same,
      pidInside: same,
    };
    return Promise.resolve();
  }

  describe(): { readonly state: string; readonly pid: number } {
    return { state: "chroot", pid: 0 };
  }

  look(): void {}
  started(): void {}
  letGo(): void {}

  callOff(): Promise<void> {
    return Promise.resolve();
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
