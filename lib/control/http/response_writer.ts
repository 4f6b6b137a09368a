/** The head of an answer, and its body in chunks. Pure. */
import { statusWords } from "./status.ts";

export interface ResponseOptions {
  readonly status: number;
  readonly type: string;
  /** Bytes; null: it is not known, and the body comes in chunks or until the end of the connection. */
  readonly length: number | null;
  readonly takesChunks: boolean;
  readonly keepsAlive: boolean;
}

const encoder = new TextEncoder();

export const CONTINUE = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");
export const LAST_CHUNK = encoder.encode("0\r\n\r\n");

export function responseHead({ status, type, length, takesChunks, keepsAlive }: ResponseOptions): Uint8Array {
  const lines = [
    `HTTP/1.1 ${status} ${statusWords(status)}`,
    `Content-Type: ${type}`,
    ...length !== null ? [`Content-Length: ${length}`] : takesChunks ? ["Transfer-Encoding: chunked"] : [],
    `Connection: ${keepsAlive ? "keep-alive" : "close"}`,
  ];
  return encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** `bytes`: not empty, since an empty chunk is the last. */
export function chunk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, encoder.encode("\r\n")]);
}
