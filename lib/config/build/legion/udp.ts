/**
 * The lines of a legion that speaks uWSGI's packets: `legion`, `legion-mcast`, `legion-node`, and what
 * belongs to its sockets. Pure. A message never shows such a line: there is a secret in it.
 */
import type { Diagnostics } from "../../diagnostic.ts";
import type { LegionAddress } from "../../plan/legion_plan.ts";
import type { Field } from "../../values/field.ts";
import {
  addressText,
  canonicalIpv6,
  isAny,
  isBroadcast,
  isIpv4,
  isMulticast,
  parseAddress,
} from "../../system/addresses.ts";
import { type LegionDraft, parseValor, type UdpDraft } from "./draft.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import { quote } from "../../problem.ts";

/** `NAME ADDRESS VALOR CIPHER:SECRET[ IV]`: what follows the name. null after an error. */
export function parseUdpLegion(name: string, option: Field, system: PlanDeps): LegionDraft | null {
  const refuse = (problem: string): null => option.error(`cannot use ${option.name}: ${problem}`);
  const parts = /^(\S+)\s+(\S+)\s+(\S.*)$/s.exec(option.value);
  if (parts === null) return refuse('it takes "NAME ADDRESS VALOR CIPHER:SECRET [IV]"');
  const [, addressPart = "", valorPart = "", cipherPart = ""] = parts;
  const parsed = parseAddress(addressPart, system);
  if ("problem" in parsed) return refuse(`bad address${shownAddress(addressPart)}: ${parsed.problem}`);
  const valor = parseValor(option.with({ value: valorPart }));
  if (valor === null) return null;
  // uWSGI 2.0: the first ":" divides cipher and secret, the first blank behind it secret and IV.
  const sealed = /^([A-Za-z0-9][A-Za-z0-9-]*):([^ ]+)(?: (.+))?$/s.exec(cipherPart);
  if (sealed === null) {
    return refuse(
      'the last part must be CIPHER:SECRET, as in "aes-256-cbc:SECRET", and may have an IV behind a blank',
    );
  }
  const { address } = parsed;
  const isShared = isMulticast(address) || isBroadcast(address);
  if (option.name === "legion-mcast" && !isShared) {
    const remedy =
      "give an address from 224.0.0.0 to 239.255.255.255 or of ff00::/8, or use legion and legion-node";
    return refuse(
      `${quote(addressPart)} is no multicast address, so no other node would be heard: ${remedy}`,
    );
  }
  const transport: UdpDraft = {
    kind: "udp",
    listen: address,
    multicast: isMulticast(address),
    multicastInterface: null,
    broadcast: isBroadcast(address),
    nodes: option.name === "legion-mcast" ? [{ address, origin: option.origin }] : [],
    cipher: (sealed[1] ?? "").toLowerCase(),
    secret: sealed[2] ?? "",
    iv: sealed[3] ?? null,
    authSecret: null,
  };
  const { origin } = option;
  return { name, valor, origin, transport, quorum: 0, quorumOrigin: null, scroll: null, hooks: [] };
}

/** Nothing where it does not look like one: it may be the secret in the wrong place. */
function shownAddress(text: string): string {
  return /:\d{1,6}$|^[.\/\[]/.test(text) ? ` ${quote(text)}` : "";
}

/** legion-node = NAME ADDRESS: what follows the name. */
export function addNode(transport: UdpDraft, node: Field, system: PlanDeps): void {
  const parsed = parseAddress(node.value, system);
  const problem = "problem" in parsed ? parsed.problem : problemOfNode(parsed.address, transport.listen);
  if (problem !== null) node.refuse(problem);
  if (problem !== null || !("address" in parsed)) return;
  const { address } = parsed;
  if (transport.nodes.some((known) => addressText(known.address) === addressText(address))) {
    return node.warning(`legion-node ${quote(node.value)} is given already: it counts once`);
  }
  transport.nodes.push({ address, origin: node.origin });
}

function problemOfNode(address: LegionAddress, listen: LegionAddress): string | null {
  if (isAny(address)) return "it names no host";
  if (address.kind === listen.kind) return null;
  return `packets leave from ${
    quote(addressText(listen))
  }, which is of another kind: use one kind for all nodes`;
}

/** legion-mcast-if = NAME INTERFACE: a name of an interface, or an address that one has. */
export function setMulticastInterface(transport: UdpDraft, field: Field): void {
  const { value } = field;
  const sends = transport.multicast || transport.nodes.some(({ address }) => isMulticast(address));
  const isName = /^[^\s\/:]{1,15}$/.test(value);
  if (!isName && !isIpv4(value) && canonicalIpv6(value) === null) {
    field.refuse("it takes the name of an interface, or an address of one");
  } else if (!sends) {
    field.error(
      "cannot use legion-mcast-if: this legion has no multicast address: use legion-mcast for it",
    );
  } else transport.multicastInterface = value;
}

/** Checks what several lines come to together. */
export function checkUdpLegions(legions: readonly LegionDraft[], diagnostics: Diagnostics): void {
  const bound: { readonly name: string; readonly listen: LegionAddress }[] = [];
  for (const { name, transport, quorum, quorumOrigin, origin } of legions) {
    if (transport.kind !== "udp") continue;
    const { listen, nodes } = transport;
    const other = bound.find((known) => collide(known.listen, listen));
    if (other !== undefined) {
      diagnostics.error(
        `legion "${name}" would listen on ${
          quote(addressText(listen))
        }, where legion "${other.name}" does: ` +
          "give it another port",
        origin,
      );
    }
    bound.push({ name, listen });
    const isShared = nodes.some(({ address }) => isMulticast(address) || isBroadcast(address));
    if (quorum > nodes.length + 1 && !isShared) {
      diagnostics.warning(
        `legion "${name}" cannot reach its quorum of ${quorum}: with ${nodes.length} legion-node ` +
          `there are ${nodes.length + 1} votes at most`,
        quorumOrigin ?? origin,
      );
    }
    if (nodes.length === 0 && (transport.multicast || transport.broadcast)) {
      diagnostics.warning(
        `legion "${name}" hears others and is heard by none: use legion-mcast, or add a legion-node`,
        origin,
      );
    }
  }
}

/**
 * Whether both cannot be bound. A group is bound to every address of the host, as uWSGI does it; sockets of
 * IPv6 hear nothing else.
 */
function collide(one: LegionAddress, other: LegionAddress): boolean {
  if (one.kind === "unix" || other.kind === "unix") return addressText(one) === addressText(other);
  if (one.port !== other.port || one.kind !== other.kind) return false;
  const isWide = (address: LegionAddress) => isAny(address) || isMulticast(address) || isBroadcast(address);
  if (one.address === other.address) return true;
  return isWide(one) || isWide(other);
}
