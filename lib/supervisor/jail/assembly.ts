/**
 * Puts the holder of the instance's jail together with what it needs of the running system. Starts nothing.
 */
import type { Logger } from "../../log/logger.ts";
import { LOOP_TIMERS } from "../../sys/timers.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import { needsInit } from "../../jail/namespace_setup.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import { watcher } from "../../sys/file/watcher.ts";
import type { Inherited } from "../../process/child_builder.ts";
import { endsWithInit } from "./drain.ts";
import type { HeldJail } from "./held_jail.ts";
import { ChrootHolder } from "./chroot.ts";
import type { JailChoice } from "./finder.ts";
import type { JailEntry } from "./entry.ts";
import { JailHolder } from "./holder.ts";
import { JailFile } from "../../records/jail_record.ts";
import type { Registry } from "../../process/registry.ts";
import { signalAlone, signalDaemon } from "../../process/signaller.ts";
import { SIGTERM } from "../../sys/native/constants.ts";

/** Starts a child and tells of a process's end; the unit host does both. */
export interface JailProcesses {
  start(spec: Omit<ChildSpec, "spawnId">): ProcessId;
  follow(process: ProcessId, place: null, ended: () => void): { remove(): void };
}

export interface JailAssembly {
  readonly runDir: string | null;
  readonly boot: string;
  readonly logger: Logger;
  readonly inherited: Inherited;
  readonly host: JailProcesses;
  readonly registry: Registry;
  readonly entry: JailEntry;
  /** The stop signal of the daemon that the process is; null: it is none. */
  readonly stopSignalOf: (process: ProcessId) => number | null;
  /**
   * Daemons may be started in it from now on, or no longer. `isStale`: some of the jail before may still run.
   */
  readonly changed: (isStale: boolean) => void;
}

export function holdJail(choice: JailChoice, parts: JailAssembly): HeldJail {
  const { plan } = choice;
  if (!needsInit(plan)) return new ChrootHolder(plan);
  const { host } = parts;
  const follow = (process: ProcessId, ended: () => void): { remove(): void } =>
    host.follow(process, null, ended);
  return new JailHolder({
    choice,
    file: new JailFile(parts.runDir),
    boot: parts.boot,
    logger: parts.logger,
    timers: LOOP_TIMERS,
    now: () => performance.now(),
    init: {
      isKnown: parts.runDir !== null,
      inherited: parts.inherited,
      registry: parts.registry,
      watcher: watcher(),
      start: (spec) => host.start(spec),
      follow,
    },
    drain: {
      stopSignalOf: (process) => parts.stopSignalOf(process) ?? SIGTERM,
      signal: (process, signal) => void signalAlone(process, signal),
      follow,
      timers: LOOP_TIMERS,
    },
    signal: (process, signal) => void signalDaemon(process, signal),
    entry: parts.entry,
    opened: () => parts.changed(!endsWithInit(plan)),
    shut: () => parts.changed(false),
  });
}
