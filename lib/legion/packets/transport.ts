/** How packets travel between the nodes of a legion. Types only: udp.ts and unix_transport.ts carry them. */

/** `from`: whom it is from, as far as one can tell; for the log. The bytes are valid until it returns. */
export type Heard = (packet: Uint8Array, from: string) => void;

export interface Transport {
  /** Own address, as people write it. */
  readonly address: string;
  readonly nodes: readonly string[];
  /** Why nothing can be heard for now; null: nothing is known to be wrong. */
  readonly problem: string | null;
  /** Rejects with an Error that names the address and the remedy. */
  open(heard: Heard): Promise<void>;
  /** To every node. What cannot be sent is said in the log, and lost. */
  send(packet: Uint8Array): void;
  /** Tries whether `problem` is over. */
  mend(): void;
  close(): void;
}

export type TransportLog = (level: "info" | "warning" | "error", text: string) => void;
