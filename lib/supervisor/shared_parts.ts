/**
 * The objects that the parts of a run share about reeve's own files and about lines that others cause: the
 * registry of own files, the counting of repeated lines, and the keeping of paths.
 */
import type { Logger } from "../log/logger.ts";
import { Repeats } from "../log/repeats.ts";
import type { FileTree } from "../sys/file/file_tree.ts";
import type { Inotify } from "../sys/file/inotify.ts";
import { IDLE_TIMERS, LOOP_TIMERS } from "../sys/timers.ts";
import type { Kept } from "../sys/file/kept.ts";
import { KeptPath } from "../watch/kept_path.ts";
import { OwnFiles } from "../watch/own_files.ts";

export class SharedParts {
  readonly files = new OwnFiles();
  readonly repeats: Repeats;
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.repeats = new Repeats({
      timers: IDLE_TIMERS,
      log: (level, text, daemon, fields) => logger.log(level, daemon, text, fields),
    });
  }

  /**
   * The thing at `path`, which is absolute and reeve's own, is made again or opened again whenever it is
   * not there.
   */
  keep(inotify: Pick<Inotify, "watch">, path: string, kept: Kept, tree?: FileTree): { remove(): void } {
    return new KeptPath(path, {
      inotify,
      timers: LOOP_TIMERS,
      now: () => performance.now(),
      onProblem: (text) => this.#logger.warning(null, text),
      log: (level, text) => this.#logger.log(level, null, text),
      ...(tree === undefined ? {} : { tree }),
    }, kept);
  }
}
