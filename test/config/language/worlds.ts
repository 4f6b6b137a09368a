/** ConfigWorlds for tests: the real file system, the same with fixed facts, and one that lives in memory. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { ConfigDeps } from "../../../lib/config/system/config_deps.ts";

/** The system itself, seen from `cwd`. */
export function realWorld(cwd: string, environment: Readonly<Record<string, string>>): ConfigDeps {
  const at = (name: string): string => path.resolve(cwd, name);
  const { uid, gid } = os.userInfo();
  return {
    readFile: (name) => fs.readFileSync(at(name)),
    exists: (name) => fs.existsSync(at(name)),
    isFile: (name) => fs.statSync(at(name), { throwIfNoEntry: false })?.isFile() ?? false,
    isDirectory: (name) => fs.statSync(at(name), { throwIfNoEntry: false })?.isDirectory() ?? false,
    glob: (pattern) => fs.globSync(pattern, { cwd }).sort(),
    realDirectoryPath: (name) => path.join(fs.realpathSync(path.dirname(at(name))), path.basename(name)),
    inode: (name) => fs.lstatSync(at(name), { throwIfNoEntry: false })?.ino ?? 0,
    environment,
    cwd: fs.realpathSync(cwd),
    hostname: os.hostname(),
    cpuCount: os.cpus().length,
    startedAt: BigInt(Date.now()) * 1000n,
    user: { uid, gid, name: nameOf("/etc/passwd", uid), group: nameOf("/etc/group", gid) },
    binary: "/usr/bin/uwsgi-core",
    isReload: false,
    execute: (command) => execFileSync("/bin/sh", ["-c", command]),
  };
}

function nameOf(file: string, id: number): string {
  const line = fs.readFileSync(file, "utf8").split("\n").find((entry) => entry.split(":")[2] === String(id));
  return line?.split(":")[0] ?? String(id);
}

/** The files below `cwd`, on a machine that is the same everywhere. */
export function fixedWorld(cwd: string, environment: Readonly<Record<string, string>>): ConfigDeps {
  return {
    ...realWorld(cwd, environment),
    realDirectoryPath: (name) => path.resolve("/srv/cases", name),
    inode: () => 4711,
    cwd: "/srv/cases",
    hostname: "castle",
    cpuCount: 4,
    startedAt: 1_700_000_000_123_456n,
    user: { uid: 1000, gid: 100, name: "roberto", group: "users" },
    binary: "/usr/bin/reeve",
  };
}

/**
 * Files by path in memory; a directory is there when a file in it is. What is not given throws when asked
 * for.
 */
export function memoryWorld(
  files: Readonly<Record<string, string | Uint8Array>>,
  changes: Partial<ConfigDeps> = {},
): ConfigDeps {
  const at = (name: string): string => name === "-" ? name : path.resolve("/etc", name);
  const isDirectory = (name: string): boolean =>
    Object.keys(files).some((file) => file.startsWith(`${at(name)}/`));
  return {
    readFile: (name) => {
      const content = files[at(name)];
      if (typeof content === "string") return new TextEncoder().encode(content);
      if (content !== undefined) return content;
      throw Object.assign(new Error("failed"), { code: isDirectory(name) ? "EISDIR" : "ENOENT" });
    },
    exists: (name) => files[at(name)] !== undefined || isDirectory(name),
    isFile: (name) => files[at(name)] !== undefined,
    isDirectory,
    glob: (pattern) => {
      const matcher = new Bun.Glob(at(pattern));
      return Object.keys(files).filter((file) => matcher.match(file)).sort();
    },
    realDirectoryPath: at,
    inode: () => 1,
    environment: {},
    cwd: "/etc",
    hostname: "castle",
    cpuCount: 4,
    startedAt: 1_700_000_000_123_456n,
    user: { uid: 1000, gid: 100, name: "roberto", group: "users" },
    binary: "/usr/bin/reeve",
    isReload: false,
    ...changes,
  };
}
