/**
 * setns-socket: hands the namespaces that the daemons live in to whoever connects and is root, or reeve's own user, in uWSGI's
 * words. Must never wait for who is connected, nor read anything from there.
 */
import { lstatSync, unlinkSync } from "node:fs";
import { resolve } from "node:path";
import type { SetnsServerPlan } from "../config/plan/jail_plan.ts";
import { isTrusted, setnsMessage } from "../jail/setns.ts";
import { closeFd, peerCredentials } from "../sys/file/descriptor.ts";
import { errorText } from "../sys/error_text.ts";
import { CLONE_NEW } from "../sys/child/child_spec.ts";
import { errorCode } from "../sys/errno.ts";
import { type NamespaceName, openNamespace } from "../sys/child/namespaces.ts";
import { acceptNext, listenAt, sendDescriptors } from "../sys/socket/scm.ts";
import type { Watcher } from "../sys/file/watcher.ts";
import type { HeldJail } from "./jail/held_jail.ts";

export interface SetnsWorld {
  readonly watcher: Pick<Watcher, "add">;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
  /** reeve's effective uid. */
  readonly uid: number;
  /** null: the plan has no jail, and reeve's own namespaces are those of the daemons. */
  readonly jail: Pick<HeldJail, "isOpen" | "place"> | null;
}

/** Others come after these: a flood of connections must not keep the daemons waiting. */
const AT_ONCE = 16;
const MODE = 0o600;

/** uWSGI 2.0 hands no user namespace out. */
const HANDED = (Object.keys(CLONE_NEW) as NamespaceName[]).filter((name) => name !== "user");

export class SetnsServer {
  readonly #path: string;
  readonly #names: readonly NamespaceName[];
  readonly #world: SetnsWorld;
  readonly #fd: number;
  readonly #file: { readonly ino: number; readonly dev: number };
  readonly #watch: { remove(): void };
  #open = true;

  /** Throws an Error (`cannot make setns-socket "..."`): at start that is fatal. */
  constructor(plan: SetnsServerPlan, world: SetnsWorld) {
    this.#path = resolve(plan.path);
    this.#names = HANDED.filter((name) => !plan.skip.includes(name));
    this.#world = world;
    try {
      this.#fd = listenAt(this.#path, MODE);
      this.#file = lstatSync(this.#path);
      this.#watch = world.watcher.add(this.#fd, () => this.#accept());
    } catch (error) {
      throw new Error(`cannot make setns-socket "${this.#path}": ${errorText(error)}`, { cause: error });
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.remove();
    closeFd(this.#fd);
    try {
      const found = lstatSync(this.#path);
      if (found.ino === this.#file.ino && found.dev === this.#file.dev) unlinkSync(this.#path);
    } catch {
      // Somebody else has removed it.
    }
  }

  #accept(): void {
    try {
      for (let count = 0; this.#open && count < AT_ONCE; count++) {
        const connection = acceptNext(this.#fd);
        if (connection === null) return;
        try {
          this.#serve(connection);
        } finally {
          closeFd(connection);
        }
      }
    } catch (error) {
      this.#world.log("error", `setns-socket "${this.#path}": ${errorText(error)}`);
    }
  }

  #serve(connection: number): void {
    const { uid, pid } = peerCredentials(connection);
    if (!isTrusted(uid, this.#world.uid)) {
      this.#world.log(
        "warning",
        `setns-socket: nothing is handed to uid ${uid} (pid: ${pid}), who is not root`,
      );
      return;
    }
    const fds: number[] = [];
    try {
      const { jail } = this.#world;
      const owner = jail?.place()?.initPid ?? "self";
      for (const name of this.#names) {
        const fd = openIfThere(owner, name);
        if (fd !== null) fds.push(fd);
      }
      // The jail's init runs still: its number was its own all the while.
      if (jail?.isOpen === false) throw new Error("the jail does not run at the moment");
      sendDescriptors(connection, setnsMessage(fds.length), fds);
      this.#world.log("info", `setns-socket: ${fds.length} namespaces handed out (pid: ${pid})`);
    } catch (error) {
      this.#world.log("warning", `setns-socket: cannot hand namespaces out: ${errorText(error)}`);
    } finally {
      for (const fd of fds) closeFd(fd);
    }
  }
}

/** null: this kernel has no such namespaces. */
function openIfThere(owner: number | "self", name: NamespaceName): number | null {
  try {
    return openNamespace(owner, name);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}
