/**
 * Where text comes from: files, FIFOs, stdin and the schemes that reeve serves. Turns what goes wrong into
 * diagnostics; knows nothing of formats.
 */
import { BAD_BYTE, decodeText } from "./format/decode.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import { describeProblem, quote } from "../problem.ts";
import { errorCode } from "../../sys/errno.ts";
import { splitScheme } from "./format/source_name.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

const UNSERVED: Readonly<Record<string, string>> = {
  data: "data appended to uWSGI's executable is not served: put it into a file",
  http: "nothing is fetched over the network: fetch it first, or use exec://",
  https: "nothing is fetched over the network: fetch it first, or use exec://",
  sym: "there are no symbols to read: put the text into a file",
  section: "there are no sections of an executable to read: put the text into a file",
  call: "there are no functions to call: use exec://",
  callint: "there are no functions to call: use exec://",
  emperor: "there is no emperor",
};

export class Sources {
  readonly #deps: ConfigDeps;
  readonly #diagnostics: Diagnostics;
  /** Stdin and descriptors can be read once, and a second section of theirs may be asked for. */
  readonly #readOnce = new Map<string, string | null>();

  constructor(deps: ConfigDeps, diagnostics: Diagnostics) {
    this.#deps = deps;
    this.#diagnostics = diagnostics;
  }

  /** Text of what `path` names (no section in it); null once a problem was reported. */
  read(path: string, origin: Origin | null): string | null {
    const scheme = splitScheme(path);
    if (path !== "-" && scheme?.scheme !== "fd") return this.#readNew(path, origin);
    const known = this.#readOnce.get(path);
    if (known !== undefined) return known;
    const text = this.#readNew(path, origin);
    this.#readOnce.set(path, text);
    return text;
  }

  /**
   * The value of @(...): the text without its last line end. uWSGI ends it at a NUL; here that is an error.
   */
  readValue(path: string, origin: Origin | null): string | null {
    const text = this.readText(path, origin);
    if (text === null || text.includes("\0")) {
      if (text !== null) this.#refuse(path, "it contains a NUL byte", origin);
      return null;
    }
    return text.replace(/[\n\r]$/, "");
  }

  /** Text all of which is used, so that all of it must be UTF-8. */
  readText(path: string, origin: Origin | null): string | null {
    const text = this.read(path, origin);
    if (text === null || !text.includes(BAD_BYTE)) return text;
    this.#refuse(path, "it is not valid UTF-8", origin);
    return null;
  }

  #refuse(path: string, why: string, origin: Origin | null): void {
    this.#diagnostics.error(`cannot use the content of ${quote(path)}: ${why}`, origin);
  }

  #readNew(path: string, origin: Origin | null): string | null {
    try {
      const bytes = this.#bytes(path, origin);
      return bytes === null ? null : decodeText(bytes);
    } catch (problem) {
      const relative = errorCode(problem) === "ENOENT" && !path.startsWith("/") && splitScheme(path) === null;
      const remedy = relative ? ` (relative to ${quote(this.#deps.cwd)})` : "";
      this.#diagnostics.error(`cannot read ${quote(path)}: ${describeProblem(problem)}${remedy}`, origin);
    }
    return null;
  }

  #bytes(path: string, origin: Origin | null): Uint8Array | null {
    const named = splitScheme(path);
    if (named === null) return this.#deps.readFile(path);
    const { scheme, rest } = named;
    if (scheme === "file") return this.#deps.readFile(rest);
    if (scheme === "exec") {
      if (this.#deps.execute !== undefined) return this.#deps.execute(rest);
      this.#diagnostics.note(`${quote(path)} is not run while a configuration is only checked`, origin);
      return null;
    }
    if (scheme === "fd") {
      if (!/^[0-9]{1,9}$/.test(rest)) {
        this.#diagnostics.error(
          `cannot read ${quote(path)}: ${quote(rest)} is not the number of a file`,
          origin,
        );
        return null;
      }
      if (this.#deps.readFd !== undefined) return this.#deps.readFd(Number(rest));
      this.#diagnostics.note(`${quote(path)} is not read while a configuration is only checked`, origin);
      return null;
    }
    this.#diagnostics.error(`cannot read ${quote(path)}: ${UNSERVED[scheme] ?? "not served"}`, origin);
    return null;
  }
}
