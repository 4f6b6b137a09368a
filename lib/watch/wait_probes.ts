/**
 * Looks once whether what is waited for on the host is there: a listener, a mount, a network interface. Waits
 * for nothing.
 */
import { readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { errorCode } from "../sys/errno.ts";
import { parseMountInfo } from "../sys/host/mount_info.ts";

/** An attempt at an address from which no answer comes. */
const CONNECT_LIMIT = 2000;

const HUNG_UP = new Set(["ECONNRESET", "EPIPE"]);

/** "host:port" as uWSGI tells it from a path: by the colon; a path with one needs a slash before it. */
export function isNetwork(target: string): boolean {
  return /^[^/@]*:\d+$/.test(target);
}

export function connectionSucceeds(target: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // Loaded here alone: it costs 7 ms, which everybody who starts reeve would pay.
  const { connect } = process.getBuiltinModule("node:net");
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const socket = isNetwork(target)
    ? connect({ host: host === "" ? "127.0.0.1" : host, port: Number(target.slice(colon + 1)) })
    : connect({ path: target.startsWith("@") ? `\0${target.slice(1)}` : target });
  const timer = setTimeout(() => end(false), CONNECT_LIMIT);
  const end = (connected: boolean): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(connected);
  };
  socket.once("connect", () => end(true));
  // Stays: an error after the end must not become an uncaught one. Who accepts and hangs up at once is told
  // as a reset.
  socket.on("error", (problem) => end(HUNG_UP.has(errorCode(problem) ?? "")));
  return promise;
}

/**
 * By the table of mounts: a comparison of devices, as uWSGI makes it, does not see a bind mount of the same
 * file system. No stat of the mount itself, which would hang on a dead server.
 */
export function isMounted(path: string): boolean {
  try {
    const parent = realpathSync(dirname(path));
    const own = join(parent, basename(path));
    const wanted = new Set([resolve(path), own, linkTarget(own)]);
    return parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8")).some(({ target }) =>
      wanted.has(target)
    );
  } catch {
    return false;
  }
}

/** Where a link leads, one step; the path itself where it is none. */
function linkTarget(path: string): string {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return path;
  }
}

/** /proc/net/dev where a minimal container has no sysfs. */
export function interfaceExists(name: string): boolean {
  if (name === "" || name.includes("/")) return false;
  if (statSync(`/sys/class/net/${name}`, { throwIfNoEntry: false }) !== undefined) return true;
  try {
    return readFileSync("/proc/net/dev", "utf8").split("\n").some((line) =>
      line.trimStart().startsWith(`${name}:`)
    );
  } catch {
    return false;
  }
}
