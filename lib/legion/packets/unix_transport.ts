/**
 * A legion's packets over unix datagram sockets: nodes on one host, each with a path of its own. uWSGI binds
 * such a socket but sends to none, so this is between nodes of reeve. Must never wait.
 */
import type { UdpTransportPlan } from "../../config/plan/legion_plan.ts";
import { type DatagramSocket, receiveDatagrams, sendDatagram } from "../../sys/socket/datagram.ts";
import { errorText } from "../../sys/error_text.ts";
import { networkErrorText } from "./network_error.ts";
import { SendTroubles } from "./send_troubles.ts";
import type { Heard, Transport, TransportLog } from "./transport.ts";

export class UnixTransport implements Transport {
  readonly address: string;
  readonly nodes: readonly string[];
  readonly problem = null;
  readonly #troubles: SendTroubles;
  #socket: DatagramSocket | null = null;

  constructor({ listen, nodes }: UdpTransportPlan, log: TransportLog) {
    if (listen.kind !== "unix") throw new TypeError("not a path");
    this.address = listen.path;
    this.nodes = nodes.flatMap(({ address }) => address.kind === "unix" ? [address.path] : []);
    this.#troubles = new SendTroubles(log);
  }

  async open(heard: Heard): Promise<void> {
    try {
      this.#socket = receiveDatagrams(this.address, (bytes) => heard(bytes, "a local process"));
    } catch (error) {
      throw new Error(`cannot listen on ${this.address}: ${errorText(error)}`, { cause: error });
    }
    await Promise.resolve();
  }

  send(packet: Uint8Array): void {
    if (this.#socket === null) return;
    for (const node of this.nodes) {
      try {
        if (sendDatagram(node, packet)) this.#troubles.sent(node);
        else this.#troubles.failed(node, "it does not read what it is sent");
      } catch (error) {
        this.#troubles.failed(node, networkErrorText(error));
      }
    }
  }

  mend(): void {
    // There is nothing that could come back.
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }
}
