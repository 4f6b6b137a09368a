/**
 * The log lines about nodes to which nothing can be sent: once when it begins and once when it is over, each
 * node for itself; a link that is down must not fill the log at every announcement.
 */
import type { TransportLog } from "./transport.ts";

export class SendTroubles {
  readonly #log: TransportLog;
  readonly #failing = new Map<string, string>();

  constructor(log: TransportLog) {
    this.#log = log;
  }

  failed(node: string, detail: string): void {
    if (this.#failing.get(node) === detail) return;
    this.#failing.set(node, detail);
    this.#log("warning", `cannot send to node "${node}": ${detail}`);
  }

  sent(node: string): void {
    if (this.#failing.delete(node)) this.#log("info", `node "${node}" can be sent to again`);
  }
}
