/**
 * POST to one server of etcd over the runtime's fetch, TLS included. Knows bytes and nothing of what they
 * mean. A server is not trusted with our memory: an answer that does not end is cut off.
 */
import { readFileSync } from "node:fs";
import { errorText } from "../../sys/error_text.ts";

export interface TlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

export interface Http {
  /** Rejects with an Error that says what is wrong with `url`, or when `signal` is aborted. */
  post(url: string, body: string, token: string | null, signal: AbortSignal): Promise<HttpAnswer>;
  /** The lines of an answer that goes on; ends with the answer. */
  lines(url: string, body: string, token: string | null, signal: AbortSignal): AsyncIterable<string>;
}

const MOST_BYTES = 4 << 20;

interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: true;
}

/** Throws when a file of `tls` cannot be read: at start, not at the first request. */
export function openHttp(tls: TlsFiles): Http {
  const settings: TlsSettings = {
    rejectUnauthorized: true,
    ...(tls.ca === null ? {} : { ca: readPem(tls.ca, "ca") }),
    ...(tls.cert === null ? {} : { cert: readPem(tls.cert, "cert") }),
    ...(tls.key === null ? {} : { key: readPem(tls.key, "key") }),
  };
  const request = async (
    url: string,
    body: string,
    token: string | null,
    signal: AbortSignal,
  ): Promise<Response> => {
    try {
      return await fetch(url, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...(token === null ? {} : { authorization: token }) },
        signal,
        redirect: "error", // what names us to etcd goes to nobody else
        proxy: false as unknown as string, // that of the environment is the daemons'
        ...(url.startsWith("https:") ? { tls: settings } : {}),
      });
    } catch (error) {
      throw new Error(describe(error, url.startsWith("https:") && tls.cert === null), { cause: error });
    }
  };
  return {
    async post(url, body, token, signal) {
      const answer = await request(url, body, token, signal);
      return { status: answer.status, text: await readText(answer) };
    },
    async *lines(url, body, token, signal) {
      const answer = await request(url, body, token, signal);
      if (answer.body === null) return;
      const decoder = new TextDecoder();
      let rest = "";
      for await (const chunk of answer.body) {
        rest += decoder.decode(chunk, { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") yield line;
        if (rest.length > MOST_BYTES) throw new Error("its answer has no end");
      }
      if (rest !== "") yield rest;
    },
  };
}

async function readText(answer: Response): Promise<string> {
  if (answer.body === null) return "";
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error("its answer has no end");
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`cannot read ${what} file "${path}" for etcd: ${errorText(error)}`, { cause: error });
  }
}

/** OpenSSL's and the runtime's names of what went wrong, with what to do about it. */
const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is self-signed: name it, or the authority that signed it, with ca=FILE",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's authority is not known: name the authority with ca=FILE",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate's authority is not known: name the authority with ca=FILE",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate's authority is not known: name the authority with ca=FILE",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate's authority is not known: name the authority with ca=FILE",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: is the clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name: use a name of the certificate in the url",
  CERT_SIGNATURE_FAILURE: "its certificate is not signed by the authority of ca=FILE",
};

const CLOSED = ["ConnectionClosed", "ECONNRESET"];
const REFUSED = ["ConnectionRefused", "ECONNREFUSED"];

/** `isAnonymous`: over TLS, without a certificate of our own. */
function describe(error: unknown, isAnonymous: boolean): string {
  const code = String((error as { readonly code?: unknown }).code ?? "");
  const known = CERTIFICATE_PROBLEMS[code];
  if (known !== undefined) return known;
  if (REFUSED.includes(code)) return "connection refused";
  if (CLOSED.includes(code)) {
    return `it closed the connection${
      isAnonymous ? "; does it want a certificate? give one with cert=FILE key=FILE" : ""
    }`;
  }
  const text = errorText(error).replace(/\s+/g, " ");
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}
