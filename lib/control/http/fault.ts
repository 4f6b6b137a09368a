/** A message that HTTP does not allow, or beyond a limit: its connection is of no more use. */
export class HttpFault extends Error {
  readonly status: number;

  /** `status`: what a client is answered. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
