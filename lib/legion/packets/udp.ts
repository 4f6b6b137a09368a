/**
 * A legion's packets over UDP: unicast, multicast or broadcast, IPv4 or IPv6. Must never wait, nor end a
 * legion because a link is down: what cannot be sent now may be sent at the next announcement.
 */
import type { LegionAddress, UdpTransportPlan } from "../../config/plan/legion_plan.ts";
import { addressText, isMulticast } from "../../config/system/addresses.ts";
import { errorCode } from "../../sys/errno.ts";
import { networkErrorText } from "./network_error.ts";
import { SendTroubles } from "./send_troubles.ts";
import type { Heard, Transport, TransportLog } from "./transport.ts";

type IpAddress = Extract<LegionAddress, { readonly kind: "udp4" | "udp6" }>;
type Socket = Bun.udp.Socket<"buffer">;

/**
 * The runtime's, for `flags`, which its types do not have: several sockets hear one group. IPV6_ONLY: 0.0.0.0
 * may have the port as well.
 */
const REUSE_ADDRESS = 16;
const IPV6_ONLY = 8;
/** uWSGI's multicast-ttl: the packets stay in this network. */
const MULTICAST_HOPS = 1;
/** A group is joined anew this often: an interface may have come, or come back. Milliseconds. */
const JOIN_AGAIN_MS = 5000;
/** The tries of one send: reports on two other packets may be in its way. */
const ATTEMPTS = 3;

export class UdpTransport implements Transport {
  readonly address: string;
  readonly nodes: readonly string[];
  readonly #plan: UdpTransportPlan;
  readonly #listen: IpAddress;
  readonly #peers: readonly { readonly text: string; readonly to: IpAddress }[];
  readonly #log: TransportLog;
  readonly #troubles: SendTroubles;
  #socket: Socket | null = null;
  #problem: string | null = null;
  #joinedAt = 0;

  constructor(plan: UdpTransportPlan, log: TransportLog) {
    const { listen } = plan;
    if (listen.kind === "unix") throw new TypeError("not an address of UDP");
    this.#plan = plan;
    this.#listen = listen;
    this.#log = log;
    this.#troubles = new SendTroubles(log);
    this.address = addressText(listen);
    this.nodes = plan.nodes.map(({ address }) => addressText(address));
    this.#peers = plan.nodes.flatMap(({ address }) =>
      address.kind === "unix" ? [] : [{ to: address, text: addressText(address) }]
    );
  }

  get problem(): string | null {
    return this.#problem;
  }

  async open(heard: Heard): Promise<void> {
    const { kind, port } = this.#listen;
    const isShared = this.#plan.multicast || this.#plan.broadcast;
    // With a group or the broadcast address uWSGI hears everything that comes to the port.
    const hostname = isShared ? (kind === "udp4" ? "0.0.0.0" : "::") : this.#listen.address;
    const flags = (isShared ? REUSE_ADDRESS : 0) | (kind === "udp6" ? IPV6_ONLY : 0);
    const options: Bun.udp.SocketOptions<"buffer"> & { readonly flags: number } = {
      hostname,
      port,
      flags,
      socket: {
        data: (_, bytes, _port, from) => heard(bytes, from),
        // A node that is down answers with "port unreachable": its silence says that already.
        error: () => {},
      },
    };
    try {
      this.#socket = await Bun.udpSocket(options);
    } catch (error) {
      throw new Error(`cannot listen on ${this.address}: ${bindProblem(error)}`, { cause: error });
    }
    try {
      this.#prepare(this.#socket);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#join();
  }

  send(packet: Uint8Array): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (performance.now() - this.#joinedAt >= JOIN_AGAIN_MS) this.#join();
    for (const { to, text } of this.#peers) {
      const error = sendPacket(socket, packet, to);
      if (error === null) this.#troubles.sent(text);
      else this.#troubles.failed(text, networkErrorText(error));
    }
  }

  mend(): void {
    this.#join();
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #prepare(socket: Socket): void {
    if (this.#plan.broadcast || this.#plan.nodes.some(({ address }) => address.kind === "udp4")) {
      socket.setBroadcast(true);
    }
    if (!this.#peers.some(({ to }) => isMulticast(to)) && !this.#plan.multicast) return;
    socket.setMulticastTTL(MULTICAST_HOPS);
    socket.setMulticastLoopback(true);
  }

  /** Throws nothing: an interface that is not there yet, or no route, are waited for. */
  #join(): void {
    this.#joinedAt = performance.now();
    if (this.#socket === null || !this.#sendsToGroup()) return;
    const before = this.#problem;
    this.#problem = this.#joinProblem(this.#socket);
    if (this.#problem === before) return;
    if (this.#problem === null) this.#log("info", `joined multicast group ${this.address}`);
    else this.#log("error", `${this.#problem}; tried again until it can be`);
  }

  #sendsToGroup(): boolean {
    return this.#plan.multicast || this.#peers.some(({ to }) => isMulticast(to));
  }

  /** null: it is a member now, or was one before. */
  #joinProblem(socket: Socket): string | null {
    const { kind, address } = this.#listen;
    const wanted = this.#plan.multicastInterface;
    const what = `cannot join multicast group ${address}`;
    const found = wanted === null ? null : findInterface(wanted, kind);
    if (wanted !== null && found === null) {
      return `${what}: no interface of this host is, or has the address, "${wanted}"`;
    }
    try {
      if (found !== null) socket.setMulticastInterface(found);
      if (!this.#plan.multicast) return null;
      if (found === null) socket.addMembership(address);
      else socket.addMembership(address, found);
      return null;
    } catch (error) {
      if (errorCode(error) === "EADDRINUSE") return null;
      const remedy = wanted === null
        ? `; add a route to it ("ip route add ${address} dev INTERFACE"), or name the interface with legion-mcast-if`
        : "";
      return `${what}: ${networkErrorText(error)}${remedy}`;
    }
  }
}

/**
 * The kernel reports that an earlier packet could not be delivered ("port unreachable", from any node) to the
 * next send, which then does not take place: so one node that is down would silence us for the others. What
 * was reported is gone by the next try. -> null, or what the last try failed with.
 */
function sendPacket(socket: Socket, packet: Uint8Array, to: IpAddress): unknown {
  let failure: unknown = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      socket.send(packet, to.port, to.address);
      return null;
    } catch (error) {
      failure = error;
    }
  }
  return failure;
}

function bindProblem(error: unknown): string {
  const text = networkErrorText(error);
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return `${text} by another program`;
    case "EADDRNOTAVAIL":
      return "no interface of this host has this address";
    default:
      return text;
  }
}

/**
 * The interface that legion-mcast-if means, in the form in which the runtime wants it. `wanted`: its name, or
 * one of its addresses. -> for IPv4 an address that it has, for IPv6 its zone; null: there is none (now).
 */
function findInterface(wanted: string, kind: "udp4" | "udp6"): string | null {
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
