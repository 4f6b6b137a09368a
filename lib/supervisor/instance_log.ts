/**
 * The instance's log file, wired to the running system: what it is put on, when it is rotated, and whether
 * it lies in the jail.
 */
import { resolve } from "node:path";
import type { Plan } from "../config/plan/plan.ts";
import type { JailSource } from "../jail/place.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import { withoutBlocking } from "../log/line_sink.ts";
import { LogFile } from "../log/log_file.ts";
import { type Logger, wantsColour } from "../log/logger.ts";
import { copyOfStandardError, isSameFile, putOnStandardOutput } from "../log/standard_output.ts";
import { IDLE_TIMERS } from "../sys/timers.ts";
import { closeFd, setNonblocking } from "../sys/file/descriptor.ts";
import { HOST_TREE } from "../sys/file/file_tree.ts";
import type { SharedParts } from "./shared_parts.ts";
import { isTerminal } from "../sys/process/tty.ts";
import type { Core } from "./core.ts";

/** logto2 in a jail: uWSGI opens it once it is in there. The file can be opened no sooner than that. */
export function isLogInside({ instance }: Plan): boolean {
  return instance.jail !== null && instance.log.asUser;
}

/**
 * The log file of the plan, not yet opened; null: none is configured. `saysBoth`: until the logger is told to
 * log alone, its lines go where they went before as well. `jail`: for a file that is inside.
 */
export function planLogFile(
  plan: Plan,
  logger: Logger,
  uid: number,
  own: SharedParts,
  saysBoth: boolean,
  core: () => Core,
  jail: JailSource = () => null,
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
        // A FIFO of which nobody reads must not hold reeve up: its own lines go through a descriptor that never waits.
        const own = withoutBlocking(installed);
        logger.moveTo(own, own !== installed);
        if (before !== null) sayBoth(logger, before, installed);
        return installed;
      },
      isShared: () => !core().instance.units.isEvery(({ status }) => (status.main ?? status.child) === null),
      log: (level, text) => logger.log(level, null, text),
      repeats: own.repeats,
      written: (file) => own.files.addPassing(file, tree),
      keep: (file, kept) => own.keep(core().inotify, file, kept, tree),
      now: () => Date.now(),
      timers: IDLE_TIMERS,
      watch: (path, mask, onEvent) => core().inotify.watch(path, mask, onEvent),
    },
  );
}

/** `before`: where lines went until now; whoever started the instance reads there whether it comes up. */
function sayBoth(logger: Logger, before: number, log: number): void {
  if (isSameFile(before, log)) return closeFd(before);
  const open = withoutBlocking(before);
  if (open !== before) closeFd(before);
  logger.logAlsoTo(open, wantsColour(isTerminal(open), process.env));
}
