/** The three answers of the API, in pebble's envelope. Pure. */
import { statusWords } from "./http/status.ts";
import type { DocumentReply } from "./request.ts";

/** Why a request failed, for programs. */
export type ErrorKind =
  | "bad-request"
  | "permission-denied"
  | "not-found"
  | "method-not-allowed"
  | "conflict"
  | "dependents"
  | "busy"
  | "timeout"
  | "internal";

/** Done, with its result. */
export function answerNow(result: unknown, status = 200): DocumentReply {
  return {
    status,
    body: { type: "sync", "status-code": status, status: statusWords(status), result },
  };
}

/** Under way as a change; `result`: what is known already. */
export function answerLater(change: string, result: unknown = null): DocumentReply {
  return {
    status: 202,
    body: { type: "async", "status-code": 202, status: "Accepted", result, change },
  };
}

/** `value`: what it is about, for programs. */
export function refuse(
  status: number,
  kind: ErrorKind,
  message: string,
  value?: unknown,
): DocumentReply {
  const result = { message, kind, ...value === undefined ? {} : { value } };
  return {
    status,
    body: { type: "error", "status-code": status, status: statusWords(status), result },
  };
}
