/**
 * Tells the service manager that started reeve how the instance is doing, in the protocol of sd_notify(3).
 * Never waits and never fails: an instance runs the same whether or not anybody listens.
 */

export interface NotifyDeps {
  /** One datagram; false when it could not be sent. lib/sys/socket/notify.ts. */
  readonly send: (address: string, assignments: readonly string[]) => boolean;
  /** CLOCK_MONOTONIC in microseconds. */
  readonly monotonic: () => bigint;
  /** Told once, when the first message could not be sent. */
  readonly onProblem: (text: string) => void;
}

/** systemd shows one line; longer texts are cut, and the whole datagram has to fit. */
const LONGEST_STATUS = 512;

export class ParentNotifier {
  readonly #address: string | null;
  readonly #deps: NotifyDeps;
  #problemTold = false;

  /** `address`: the value of NOTIFY_SOCKET; undefined or empty: nobody is to be told. */
  constructor(address: string | undefined, deps: NotifyDeps) {
    this.#deps = deps;
    this.#address = address === undefined || address === "" ? null : address;
    // sd_notify(3): a path or an abstract name; vsock: addresses are for virtual machines.
    if (this.#address !== null && !/^[/@]./.test(this.#address)) {
      this.#address = null;
      this.#fail(`NOTIFY_SOCKET "${address}" is neither a path nor "@name"`);
    }
  }

  /** The instance serves. After a fork into the background `mainPid` says which process it is. */
  ready(status: string, mainPid: number | null = null): void {
    this.#send([
      "READY=1",
      ...(mainPid === null ? [] : [`MAINPID=${mainPid}`]),
      statusLine(status),
    ]);
  }

  /** To be followed by `ready`. The time lets the manager match the two (Type=notify-reload). */
  reloading(): void {
    this.#send(["RELOADING=1", `MONOTONIC_USEC=${this.#deps.monotonic()}`, statusLine("reloading")]);
  }

  stopping(): void {
    this.#send(["STOPPING=1", statusLine("stopping")]);
  }

  #send(assignments: readonly string[]): void {
    if (this.#address === null) return;
    let sent = false;
    try {
      sent = this.#deps.send(this.#address, assignments);
    } catch {
      // A text that the socket cannot take is as good as not sent.
    }
    if (!sent) {
      this.#fail(
        `cannot send to NOTIFY_SOCKET "${this.#address}": nobody is told how this instance is doing`,
      );
    }
  }

  #fail(text: string): void {
    if (this.#problemTold) return;
    this.#problemTold = true;
    this.#deps.onProblem(text);
  }
}

/** A newline would begin another assignment, a NUL end the datagram. */
function statusLine(text: string): string {
  return `STATUS=${text.replace(/[\u0000-\u001f\u007f]+/g, " ").slice(0, LONGEST_STATUS)}`;
}
