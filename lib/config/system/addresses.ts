/**
 * Network addresses of a configuration, as numbers. Pure but for /etc/hosts: no name server is ever asked,
 * since a start would wait for it, and what it says may change while reeve runs.
 */
import type { LegionAddress } from "../plan/legion_plan.ts";
import { join } from "./programs.ts";
import type { PlanDeps } from "./plan_deps.ts";
import { quote } from "../problem.ts";

export type IpAddress = Extract<LegionAddress, { kind: "udp4" | "udp6" }>;

/** An address, or what is wrong with it. */
export type Parsed<Address> = { readonly address: Address } | { readonly problem: string };

const ANY_IPV4 = "0.0.0.0";
const ANY_IPV6 = "::";
const BROADCAST = "255.255.255.255";
/** unix(7): sun_path, less its NUL. */
const LONGEST_PATH = 107;

/** `HOST:PORT`, `:PORT`, `[IPV6]:PORT`, or the path of a unix socket, made absolute. A port of 0 is none. */
export function parseAddress(text: string, system: PlanDeps): Parsed<LegionAddress> {
  if (/^(?:\.{0,2}\/)/.test(text)) {
    if (text.includes("\0")) return { problem: "the path holds a NUL character" };
    const path = join(system.cwd, text);
    if (Buffer.byteLength(path) > LONGEST_PATH) {
      return { problem: `the path of a socket has ${LONGEST_PATH} bytes at most` };
    }
    return { address: { kind: "unix", path } };
  }
  if (text.startsWith("@")) return { problem: "abstract sockets are not served: give the path of a socket" };
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]+)$/.exec(text);
  if (parts === null) {
    const colons = text.split(":").length - 1;
    const problem = colons > 1
      ? 'an IPv6 address is written in brackets, as in "[::1]:4242"'
      : colons === 1
      ? "the port is no number"
      : 'it has no port: write HOST:PORT, or a path with a "/" for a unix socket';
    return { problem };
  }
  const port = Number(parts[3]);
  if (port < 1 || port > 65_535) {
    return { problem: `the port ${quote(parts[3] ?? "")} is not one of 1 to 65535` };
  }
  if (parts[1] !== undefined) {
    const address = canonicalIpv6(parts[1]);
    if (address === null) return { problem: `${quote(parts[1])} is no IPv6 address` };
    return { address: { kind: "udp6", address, port } };
  }
  const host = parts[2] ?? "";
  if (host === "") return { address: { kind: "udp4", address: ANY_IPV4, port } };
  const found = numericHost(host, system);
  return found === null
    ? { problem: `${quote(host)} is no address, and /etc/hosts does not have this name: write its address` }
    : { address: { ...found, port } };
}

function numericHost(host: string, system: PlanDeps): Omit<IpAddress, "port"> | null {
  if (isIpv4(host)) return { kind: "udp4", address: host };
  if (/^[0-9.]+$/.test(host)) return null;
  let ipv6: string | null = null;
  for (const line of (system.readText("/etc/hosts") ?? "").split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (!names.some((name) => name.toLowerCase() === host.toLowerCase())) continue;
    if (isIpv4(address)) return { kind: "udp4", address };
    ipv6 ??= canonicalIpv6(address);
  }
  if (ipv6 !== null) return { kind: "udp6", address: ipv6 };
  // It means the same everywhere, and a minimal host has no /etc/hosts.
  return host.toLowerCase() === "localhost" ? { kind: "udp4", address: "127.0.0.1" } : null;
}

/** Four numbers without leading zeros, which the C library would read as octal. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** The shortest way to write it, with its zone; null for what is none. */
export function canonicalIpv6(text: string): string | null {
  const [address = "", ...zones] = text.split("%");
  const zone = zones.length === 0 ? "" : `%${zones[0]}`;
  if (zones.length > 1 || !/^[0-9A-Fa-f:.]+$/.test(address) || !/^(?:%[\w.-]{1,15})?$/.test(zone)) {
    return null;
  }
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) + zone : null;
}

export function isMulticast(address: LegionAddress): boolean {
  if (address.kind === "unix") return false;
  if (address.kind === "udp6") return /^ff/i.test(address.address);
  const first = Number(address.address.split(".")[0]);
  return first >= 224 && first <= 239;
}

export function isBroadcast(address: LegionAddress): boolean {
  return address.kind === "udp4" && address.address === BROADCAST;
}

/** A socket bound to it gets what is sent to every address of the host. */
export function isAny(address: LegionAddress): boolean {
  return address.kind !== "unix" && (address.address === ANY_IPV4 || address.address === ANY_IPV6);
}

/** As a person writes it. */
export function addressText(address: LegionAddress): string {
  switch (address.kind) {
    case "unix":
      return address.path;
    case "udp4":
      return `${address.address}:${address.port}`;
    case "udp6":
      return `[${address.address}]:${address.port}`;
  }
}
