/**
 * The network of a jail as its init shows it in reeve's own /proc: interfaces, and who listens. What is
 * looked up belongs to the jail's network namespace, in which nothing of reeve's ever runs; nothing is
 * connected to.
 */
import { readVirtual } from "../sys/file/virtual_files.ts";
import { namespaceInode } from "./namespace_files.ts";

/** The jail's init has a network namespace of its own; false as well where that cannot be told. */
export function hasOwnNetwork(initPid: number): boolean {
  const inode = namespaceInode(initPid, "net");
  return inode !== null && inode !== namespaceInode("self", "net");
}

export function hasInterface(initPid: number, name: string): boolean {
  if (name === "") return false;
  return lines(initPid, "dev").some((line) => line.trimStart().startsWith(`${name}:`));
}

/**
 * "@name" or "host:port"; null: only a process inside could tell, since the host is neither the jail's
 * loopback nor "any".
 */
export function isListening(initPid: number, target: string): boolean | null {
  if (target.startsWith("@")) return listensAbstract(initPid, target);
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  if (!LOCAL.has(host)) return null;
  const port = Number(target.slice(colon + 1));
  const isSix = host.includes(":");
  const four = !isSix && listensAt(initPid, "tcp", port, FOUR);
  return four || listensAt(initPid, "tcp6", port, isSix ? SIX : BOTH);
}

/** As uWSGI: no host is the loopback. */
const LOCAL = new Set(["", "127.0.0.1", "localhost", "0.0.0.0", "::1", "::"]);

const LISTEN = "0A";
/**
 * As the kernel writes addresses: any, and the loopback, each word of them in the machine's order
 * (little-endian).
 */
const FOUR = new Set(["00000000", "0100007F"]);
const ANY_SIX = "0".repeat(32);
const SIX = new Set([ANY_SIX, "00000000000000000000000001000000"]);
/** A listener of IPv6 that takes IPv4 as well. */
const BOTH = new Set([ANY_SIX, "0000000000000000FFFF00000100007F"]);

function listensAt(initPid: number, file: "tcp" | "tcp6", port: number, addresses: Set<string>): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return lines(initPid, file).some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    const [address = "", found] = local.split(":");
    return state === LISTEN && found === wanted && addresses.has(address);
  });
}

/** __SO_ACCEPTCON of the kernel's flags; the name comes last and may hold blanks. */
function listensAbstract(initPid: number, name: string): boolean {
  return lines(initPid, "unix").some((line) => {
    const found = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (.*)$/.exec(line);
    return found !== null && found[2] === name && (parseInt(found[1] ?? "", 16) & ACCEPTS) !== 0;
  });
}

const ACCEPTS = 0x1_0000;

function lines(initPid: number, file: string): string[] {
  const bytes = readVirtual(`/proc/${initPid}/net/${file}`);
  return bytes === null ? [] : new TextDecoder().decode(bytes).split("\n");
}
