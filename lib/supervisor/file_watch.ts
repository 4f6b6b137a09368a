/**
 * Calls back when one file may have changed, appeared or gone: its directory is watched, since a pidfile is replaced more
 * often than rewritten. Where the directory does not exist yet, the nearest one above it is watched until it does.
 */
import { basename, dirname, resolve } from "node:path";
import { IN, type Inotify } from "../sys/inotify.ts";
import { isSysError } from "../sys/errno.ts";

const CHANGES = IN.closeWrite | IN.modify | IN.movedTo | IN.movedFrom | IN.create | IN.delete | IN.attrib;
const LOST = IN.overflow | IN.ignored | IN.deleteSelf | IN.moveSelf | IN.unmount;

export function watchFile(inotify: Inotify, path: string, changed: () => void): { remove(): void } {
  const absolute = resolve(path);
  let watch: { remove(): void } | null = null;
  let removed = false;
  const arm = (): void => {
    watch?.remove();
    watch = null;
    if (removed) return;
    for (let name = absolute;; name = dirname(name)) {
      const directory = dirname(name);
      try {
        watch = inotify.watch(
          directory,
          CHANGES | IN.deleteSelf | IN.moveSelf | IN.onlyDirectory,
          (event) => {
            const mine = event.name === basename(name);
            if ((event.mask & LOST) !== 0 || (name !== absolute && mine)) {
              arm();
              changed();
            } else if (mine) changed();
          },
        );
        return;
      } catch (error) {
        if (directory === name || !isSysError(error, "ENOENT", "ENOTDIR")) return;
      }
    }
  };
  arm();
  return {
    remove() {
      removed = true;
      watch?.remove();
      watch = null;
    },
  };
}
