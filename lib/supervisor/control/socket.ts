/**
 * The instance's control socket: made at the start, and made again when it is gone from its path. What serves
 * it is loaded when somebody connects for the first time. Must never hold up the instance: one that cannot be
 * made is a line in the log, and nothing else.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import type { Handle } from "../../control/request.ts";
import type { ControlServer } from "../../control/server.ts";
import {
  controlPath,
  ControlSocket,
  type ControlSocketOptions,
  type HeldSocket,
} from "../../control/socket_file.ts";
import type { Logger } from "../../log/logger.ts";
import type { Repeats } from "../../log/repeats.ts";
import type { RunDir } from "../../records/run_dir.ts";
import { errorText } from "../../sys/error_text.ts";
import { IN, type Inotify } from "../../sys/file/inotify.ts";
import type { KeepPath } from "../../sys/file/kept.ts";
import type { Watch, Watcher } from "../../sys/file/watcher.ts";
import { readLimit, RLIMIT } from "../../sys/process/limits.ts";
import { LOOP_TIMERS } from "../../sys/timers.ts";
import type { OwnFiles } from "../../watch/own_files.ts";

const DEFAULT_OVERFLOW_ID = 65534;

export interface ControlDeps {
  readonly instance: Pick<InstancePlan, "controlPath" | "controlAllow">;
  /** null: there is none, and no socket. */
  readonly runDir: RunDir | null;
  readonly uid: number;
  /** The socket of the core before; null: there was none. */
  readonly held: HeldSocket | null;
  readonly logger: Pick<Logger, "warning">;
  readonly repeats: Pick<Repeats, "say">;
  readonly own: Pick<OwnFiles, "add">;
  readonly inotify: Pick<Inotify, "watch">;
  readonly keep: KeepPath;
  readonly watcher: Pick<Watcher, "add">;
  /** Loads what carries requests out, at the first connection. */
  readonly load: () => Promise<Handle>;
}

export class Control {
  readonly #deps: ControlDeps;
  #socket: ControlSocket | null = null;
  #server: ControlServer | null = null;
  #handle: Handle | null = null;
  #firstWatch: Watch | null = null;
  #guarded: { remove(): void } | null = null;
  #isClosed = false;
  #held: HeldSocket | null;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
    this.#held = deps.held;
  }

  start(): void {
    const { runDir, own } = this.#deps;
    if (runDir === null) return; // openRunDir has said why, and what that costs
    this.#isClosed = false;
    try {
      this.#open(runDir);
    } catch {
      // It is tried again at once, and what is in the way is said.
    }
    own.add(this.#path(runDir));
    this.#guard(runDir);
  }

  /** Serves nobody any more. Who connects waits: for `start`, or for the next core. */
  suspend(): void {
    this.#isClosed = true;
    this.#guarded?.remove();
    this.#guarded = null;
    this.#firstWatch?.remove();
    this.#firstWatch = null;
    this.#server?.close();
    this.#server = null;
  }

  /** The socket for the next core; null: there is none. */
  get held(): HeldSocket | null {
    return this.#socket?.held ?? null;
  }

  close(): void {
    this.suspend();
    this.#socket?.close();
    this.#socket = null;
  }

  #path({ path }: RunDir): string {
    return controlPath(path, this.#deps.instance.controlPath);
  }

  /**
   * The socket itself is watched, since its directories may be busy with others' files; once it is gone, the
   * way to its path is, until it is there again.
   */
  #guard(runDir: RunDir): void {
    this.#guarded?.remove();
    this.#guarded = null;
    if (this.#isClosed) return;
    const path = this.#path(runDir);
    const isThere = (): boolean => this.#socket?.isThere() ?? false;
    if (isThere()) {
      const changed = (): void => {
        if (!isThere()) this.#guard(runDir);
      };
      try {
        this.#guarded = this.#deps.inotify.watch(path, IN.attrib | IN.deleteSelf | IN.moveSelf, changed);
        // It may have gone before it was watched.
        return changed();
      } catch (error) {
        if (isThere()) return this.#deps.logger.warning(null, `control socket: ${errorText(error)}`);
      }
    }
    const restore = (): void => {
      this.close();
      this.#isClosed = false;
      this.#open(runDir);
      this.#deps.logger.warning(null, `control socket "${path}" was gone: it is made again`);
      queueMicrotask(() => this.#guard(runDir));
    };
    this.#guarded = this.#deps.keep(path, { isThere, restore });
  }

  #open(runDir: RunDir): void {
    const { instance, uid, watcher } = this.#deps;
    if (this.#socket === null) {
      const held = this.#held;
      this.#held = null;
      this.#socket = new ControlSocket(socketOptions(runDir, instance, uid), held);
    }
    if (this.#handle === null) {
      this.#firstWatch = watcher.add(this.#socket.fd, () => {
        this.#firstWatch?.remove();
        this.#firstWatch = null;
        this.#load().catch((error: unknown) => {
          this.#deps.logger.warning(null, `cannot serve the control socket: ${errorText(error)}`);
        });
      });
    } else this.#load().catch(() => {});
  }

  async #load(): Promise<void> {
    const { ControlServer } = await import("../../control/server.ts");
    this.#handle ??= await this.#deps.load();
    const socket = this.#socket;
    if (socket === null || this.#server !== null) return;
    const { instance, uid, repeats, watcher } = this.#deps;
    this.#firstWatch?.remove();
    this.#firstWatch = null;
    this.#server = new ControlServer({
      fd: socket.fd,
      mostFds: Number(readLimit(RLIMIT.openFiles).soft),
      rules: { entries: instance.controlAllow, uid, ...overflowIds() },
    }, {
      handle: this.#handle,
      watcher,
      timers: LOOP_TIMERS,
      now: () => performance.now(),
      complain: (text) => repeats.say("control socket", "warning", text),
    });
  }
}

/** The kernel shows a user or group as these that has no number in our user namespace. */
function overflowIds(): { readonly overflowUid: number; readonly overflowGid: number } {
  return { overflowUid: readId("overflowuid"), overflowGid: readId("overflowgid") };
}

function readId(name: string): number {
  try {
    return Number(readFileSync(`/proc/sys/kernel/${name}`, "latin1"));
  } catch {
    return DEFAULT_OVERFLOW_ID;
  }
}

function socketOptions(
  { path, name }: RunDir,
  { controlPath, controlAllow }: ControlDeps["instance"],
  uid: number,
): ControlSocketOptions {
  return {
    directory: path,
    // One of reeve's own names: the directory of all instances is reeve's as well.
    above: name === null ? [] : [dirname(path)],
    path: controlPath,
    isShared: controlAllow.length > 0,
    uid,
  };
}
