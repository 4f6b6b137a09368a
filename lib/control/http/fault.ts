/** A message that is not as HTTP has it, or beyond a limit: the connection that it came over is of no more use. */
export class HttpFault extends Error {
  readonly status: number;

  /** `status`: what a client is answered. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
