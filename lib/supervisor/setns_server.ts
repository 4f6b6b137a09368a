/**
 * setns-socket: hands the namespaces that the daemons live in to whoever connects and is root, or reeve's own
 * user, in uWSGI's words. A socket that is gone from its path is made again. Must never wait for who is
 * connected, nor read anything from there, nor say more about a flood of connections than about a few.
 */
import { lstatSync, unlinkSync } from "node:fs";
import { resolve } from "node:path";
import type { SetnsServerPlan } from "../config/plan/jail_plan.ts";
import { isTrusted, setnsMessage } from "../jail/setns.ts";
import { closeFd, peerCredentials } from "../sys/file/descriptor.ts";
import type { Repeats } from "../log/repeats.ts";
import { errorText } from "../sys/error_text.ts";
import { CLONE_NEW } from "../sys/child/child_spec.ts";
import { errorCode } from "../sys/errno.ts";
import { type NamespaceName, openNamespace } from "../sys/child/namespaces.ts";
import { acceptNext, listenAt, sendDescriptors } from "../sys/socket/scm.ts";
import type { Watcher } from "../sys/file/watcher.ts";
import type { KeepPath } from "../sys/file/kept.ts";
import type { HeldJail } from "./jail/held_jail.ts";

export interface SetnsDeps {
  readonly watcher: Pick<Watcher, "add">;
  /** For lines of which each connection could be one. */
  readonly repeats: Pick<Repeats, "say">;
  readonly keep: KeepPath;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
  /** reeve's effective uid. */
  readonly uid: number;
  /** null: the plan has no jail, and reeve's own namespaces are those of the daemons. */
  readonly jail: Pick<HeldJail, "isOpen" | "place"> | null;
}

interface Socket {
  readonly fd: number;
  readonly ino: number;
  readonly dev: number;
  readonly watch: { remove(): void };
}

/** Others come after these: a flood of connections must not keep the daemons waiting. */
const AT_ONCE = 16;
const MODE = 0o600;

/** uWSGI 2.0 hands no user namespace out. */
const HANDED = (Object.keys(CLONE_NEW) as NamespaceName[]).filter((name) => name !== "user");

export class SetnsServer {
  readonly #path: string;
  readonly #names: readonly NamespaceName[];
  readonly #deps: SetnsDeps;
  #socket: Socket;
  readonly #kept: { remove(): void };
  #open = true;

  /** Throws an Error (`cannot make setns-socket "..."`): at start that is fatal. */
  constructor(plan: SetnsServerPlan, deps: SetnsDeps) {
    this.#path = resolve(plan.path);
    this.#names = HANDED.filter((name) => !plan.skip.includes(name));
    this.#deps = deps;
    this.#socket = this.#listen();
    this.#kept = deps.keep(this.#path, {
      isThere: () => this.#isAtPath(),
      restore: () => this.#restore(),
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#kept.remove();
    this.#shut(this.#socket);
    try {
      if (this.#isAtPath()) unlinkSync(this.#path);
    } catch {
      // Somebody else has removed it.
    }
  }

  #listen(): Socket {
    try {
      const fd = listenAt(this.#path, MODE);
      const { ino, dev } = lstatSync(this.#path);
      const watch = this.#deps.watcher.add(fd, () => this.#accept());
      return { fd, ino, dev, watch };
    } catch (error) {
      throw new Error(`cannot make setns-socket "${this.#path}": ${errorText(error)}`, { cause: error });
    }
  }

  #restore(): void {
    const before = this.#socket;
    this.#socket = this.#listen();
    this.#shut(before);
    this.#deps.log("warning", `setns-socket "${this.#path}" was gone: it is made again`);
  }

  #shut({ fd, watch }: Socket): void {
    watch.remove();
    closeFd(fd);
  }

  #isAtPath(): boolean {
    try {
      const found = lstatSync(this.#path);
      return found.ino === this.#socket.ino && found.dev === this.#socket.dev;
    } catch {
      return false;
    }
  }

  #accept(): void {
    try {
      for (let count = 0; this.#open && count < AT_ONCE; count++) {
        const connection = acceptNext(this.#socket.fd);
        if (connection === null) return;
        try {
          this.#serve(connection);
        } finally {
          closeFd(connection);
        }
      }
    } catch (error) {
      this.#deps.repeats.say("setns accept", "error", `setns-socket "${this.#path}": ${errorText(error)}`);
    }
  }

  #serve(connection: number): void {
    const { uid, pid } = peerCredentials(connection);
    if (!isTrusted(uid, this.#deps.uid)) {
      this.#deps.repeats.say(
        "setns refused",
        "warning",
        `setns-socket: nothing is handed to uid ${uid} (pid: ${pid}), who is not root`,
      );
      return;
    }
    const fds: number[] = [];
    try {
      const { jail } = this.#deps;
      const owner = jail?.place()?.initPid ?? "self";
      for (const name of this.#names) {
        const fd = openIfThere(owner, name);
        if (fd !== null) fds.push(fd);
      }
      // The jail's init runs still: its number was its own all the while.
      if (jail?.isOpen === false) throw new Error("the jail does not run at the moment");
      sendDescriptors(connection, setnsMessage(fds.length), fds);
      const text = `setns-socket: ${fds.length} namespaces handed out (pid: ${pid})`;
      this.#deps.repeats.say("setns handed out", "info", text);
    } catch (error) {
      const text = `setns-socket: cannot hand namespaces out: ${errorText(error)}`;
      this.#deps.repeats.say("setns failed", "warning", text);
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
