/** Which interface legion-mcast-if means, in the form in which the runtime wants it. */

/**
 * `wanted`: an interface's name, or one of its addresses. -> for IPv4 an address that it has, for IPv6 its
 * zone; null: there is none (now).
 */
export function findInterface(wanted: string, kind: "udp4" | "udp6"): string | null {
  // node:os costs time to load: only who names an interface pays.
  const interfaces = process.getBuiltinModule("node:os").networkInterfaces();
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (name !== wanted && !addresses.some(({ address }) => address === wanted.replace(/%.*/, ""))) continue;
    if (kind === "udp6") return `::%${name}`;
    const found = addresses.find(({ address }) => address === wanted) ??
      addresses.find(({ family }) => family === "IPv4");
    if (found !== undefined) return found.address;
  }
  return null;
}
