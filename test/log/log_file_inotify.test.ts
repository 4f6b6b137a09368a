import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile } from "../../lib/log/log_file.ts";
import { Repeats } from "../../lib/log/repeats.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { until } from "../support/until.ts";

test("a log that outgrows log-maxsize is rotated by inotify, also one that has lost its name", async () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-logsize-"));
  const path = join(directory, "log");
  const inotify = new Inotify(watcher());
  const open: number[] = [];
  const lines: string[] = [];
  const log = (level: string, text: string): void => void lines.push(`${level} ${text}`);
  const file = new LogFile(
    { path, maxSize: 100, backupName: null, owner: null, asRoot: false, setBlocking: () => {} },
    {
      install: (fd) => {
        open.push(fd);
        return fd;
      },
      isShared: () => false,
      log,
      repeats: new Repeats({ timers: LOOP_TIMERS, log }),
      written: () => {},
      keep: () => ({ remove: () => {} }),
      now: () => Date.now(),
      // As the real ones, only sooner.
      timers: { after: (_milliseconds, run) => LOOP_TIMERS.after(1, run) },
      watch: (target, mask, onEvent) => inotify.watch(target, mask, onEvent),
    },
  );
  try {
    file.open({ truncate: false });
    file.watch();
    writeSync(open.at(-1) ?? -1, "x".repeat(101));
    await until(() => readdirSync(directory).length === 2);
    await until(() => statSync(path).size === 0);
    // Another program takes the file away: it is reopened under its name.
    renameSync(path, `${path}.away`);
    writeSync(open.at(-1) ?? -1, "x".repeat(101));
    await until(() => readdirSync(directory).includes("log"));
    expect(readdirSync(directory).length).toBe(3);
    expect(lines.filter((line) => line.startsWith("error"))).toEqual([]);
  } finally {
    file.close();
    for (const fd of open) closeSync(fd);
    rmSync(directory, { recursive: true, force: true });
  }
});
