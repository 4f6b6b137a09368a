/**
 * The instance's log file, wired to the running system: what it is put on, when it is rotated, and whether
 * it lies in the jail.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Plan } from "../config/plan/plan.ts";
import type { JailSource } from "../jail/place.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import { withoutBlocking } from "../log/line_sink.ts";
import { LogFile } from "../log/log_file.ts";
import { type Logger, wantsColour } from "../log/logger.ts";
import { copyOfStandardError, isSameFile, putOnStandardOutput } from "../log/standard_output.ts";
import { plantedBy } from "../watch/planted.ts";
import { IDLE_TIMERS } from "../sys/timers.ts";
import { closeFd, setNonblocking } from "../sys/file/descriptor.ts";
import { HOST_TREE } from "../sys/file/file_tree.ts";
import type { SharedParts } from "./shared_parts.ts";
import { isTerminal } from "../sys/process/tty.ts";
import type { Registry } from "../process/registry.ts";
import type { Inotify } from "../sys/file/inotify.ts";

/** logto2 in a jail: uWSGI opens it once it is in there. The file can be opened no sooner than that. */
export function isLogInside({ instance }: Plan): boolean {
  return instance.jail !== null && instance.log.asUser;
}

export interface LogFileOptions {
  readonly plan: Plan;
  readonly logger: Logger;
  readonly uid: number;
  readonly own: SharedParts;
  readonly saysBoth: boolean;
  readonly inotify: Inotify;
  readonly registry: Registry;
  readonly jail?: JailSource;
}

/**
 * The log file of the plan, not yet opened; null: none is configured. `saysBoth`: until the logger is told to
 * log alone, its lines go where they went before as well. `jail`: for a file that is inside.
 */
export function planLogFile(
  { plan, logger, uid, own, saysBoth, inotify, registry, jail = () => null }: LogFileOptions,
): LogFile | null {
  const { log, identity } = plan.instance;
  if (log.file === null) return null;
  const isInside = isLogInside(plan);
  const path = isInside ? resolve("/", log.file) : resolve(log.file);
  const tree = isInside ? jailTree(jail) : HOST_TREE;
  own.files.add(path, tree);
  let isFirst = true;
  return new LogFile(
    {
      path,
      tree,
      maxSize: log.maxSize,
      backupName: log.backupName,
      owner: log.asUser || log.chown ? identity : null,
      ownsExisting: log.chown && uid === 0,
      mode: log.mode,
      asRoot: uid === 0,
      setBlocking: (fd) => setNonblocking(fd, false),
    },
    {
      install: (fd) => {
        const before = saysBoth && isFirst ? copyOfStandardError() : null;
        isFirst = false;
        const installed = putOnStandardOutput(fd);
        // A FIFO of which nobody reads must not hold reeve up: its own lines go through a descriptor that
        // never waits.
        const own = withoutBlocking(installed);
        logger.moveTo(own, own !== installed);
        if (before !== null) sayBoth(logger, before, installed);
        return installed;
      },
      isShared: () => registry.hasDaemons,
      log: (level, text) => logger.log(level, null, text),
      repeats: own.repeats,
      written: (file) => own.files.addPassing(file, tree),
      keep: (file, kept) => own.keep(inotify, file, kept, tree),
      now: () => Date.now(),
      timers: IDLE_TIMERS,
      watch: (path, mask, onEvent) => inotify.watch(path, mask, onEvent),
    },
  );
}

/** Before the first line of a run; of an image before, the file is open already. */
export function openLog(file: LogFile | null, plan: Plan, isReload: boolean): void {
  const { log } = plan.instance;
  if (file === null) return;
  if (isReload && !log.reopen) file.adopt(2);
  else if (!isLogInside(plan)) file.open({ truncate: log.truncate && !isReload });
}

export interface LogStart {
  /** It is opened once the hooks of the start have run: they may make its directory. */
  readonly isLate: boolean;
  /** Opens it as soon as nothing of a stranger is in its way; null: it is open, or late. */
  readonly held: { remove(): void } | null;
}

/**
 * Opens it, or says when it will be: until then lines go where they went. Throws where neither is to be
 * expected.
 */
export function startLog(
  file: LogFile,
  { plan, uid, own, inotify }: Pick<LogFileOptions, "plan" | "uid" | "own" | "inotify">,
  isReload: boolean,
): LogStart {
  const path = resolve(plan.instance.log.file ?? "");
  const open = (): void => openLog(file, plan, isReload);
  try {
    open();
    return { isLate: false, held: null };
  } catch (error) {
    if (mayHooksMake(dirname(path), plan)) return { isLate: true, held: null };
    if (plantedBy(path, uid) === null) throw error;
    return { isLate: false, held: own.keep(inotify, path, { isThere: () => file.isOpen, restore: open }) };
  }
}

/** The phases of hooks that run before the daemons do. */
const BEFORE_DAEMONS: ReadonlySet<string> = new Set(
  "asap pre-jail post-jail in-jail as-root as-user".split(" "),
);

/** Whether a directory that is not there may come with the hooks, or with what is waited for. */
function mayHooksMake(directory: string, { instance: { hooks, waits } }: Plan): boolean {
  return !existsSync(directory) && (waits.length > 0 || hooks.some(({ phase }) => BEFORE_DAEMONS.has(phase)));
}

/** Once the hooks of the start have run: for the jail of the start, and for each that takes its place. */
export function logOpener(file: LogFile | null, { instance: { log } }: Plan, isReload: boolean): () => void {
  let isFirst = true;
  return () => {
    if (!isFirst) file?.reopen();
    else if (file?.isOpen === false) file.open({ truncate: log.truncate && !isReload });
    isFirst = false;
  };
}

/** `before`: where lines went until now; whoever started the instance reads there whether it comes up. */
function sayBoth(logger: Logger, before: number, log: number): void {
  if (isSameFile(before, log)) return closeFd(before);
  const open = withoutBlocking(before);
  if (open !== before) closeFd(before);
  logger.logAlsoTo(open, wantsColour(isTerminal(open), process.env));
}
