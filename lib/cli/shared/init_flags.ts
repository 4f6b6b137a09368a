/**
 * The flags that people bring from tini and dumb-init: `reeve -g -e 143 -- COMMAND`. Pure.
 * native/stub/init_flags.c reads the same language where no runtime is needed; here is what has variables of
 * uWSGI beside it.
 */
import { parseSignal } from "../../sys/signal_names.ts";

export interface InitFlags {
  /** Signals are for COMMAND alone, which stays in reeve's session. */
  readonly single: boolean;
  readonly verbose: boolean;
  readonly tellReaped: boolean;
  /** The signal that COMMAND gets in the place of another; 0: none. */
  readonly rewrite: ReadonlyMap<number, number>;
  /** Exit codes that become 0. */
  readonly zeroCodes: readonly number[];
  /** Sent to the init when its parent ends; null: none. */
  readonly parentDeathSignal: number | null;
  /** The first word that asks for anything which reeve does not do without it; null: none does. */
  readonly first: string | null;
}

const LAST_CODE = 255;

/** null: one of the words is none of these flags, and so none of them is. */
export function readInitFlags(words: readonly string[]): InitFlags | null {
  const reader = new Reader();
  for (let at = 0; at < words.length;) {
    const taken = reader.read(words[at] ?? "", words[at + 1]);
    if (taken === 0) return null;
    at += taken;
  }
  return reader;
}

class Reader implements InitFlags {
  single = false;
  verbose = false;
  tellReaped = false;
  readonly rewrite = new Map<number, number>();
  readonly zeroCodes: number[] = [];
  parentDeathSignal: number | null = null;
  first: string | null = null;

  /** How many words it took; 0: it is none of these flags. */
  read(word: string, next: string | undefined): number {
    const taken = word.startsWith("--") ? this.#long(word.slice(2), next) : this.#short(word, next);
    if (taken > 0 && !/^-[sg]+$/.test(word)) this.first ??= word;
    return taken;
  }

  #long(name: string, next: string | undefined): number {
    const attached = /^rewrite=(.*)$/s.exec(name)?.[1];
    if (attached !== undefined) return this.#value("r", attached) ? 1 : 0;
    if (name === "rewrite") return next !== undefined && this.#value("r", next) ? 2 : 0;
    const letter = { "single-child": "c", verbose: "v" }[name];
    return letter !== undefined && this.#letter(letter) ? 1 : 0;
  }

  #short(word: string, next: string | undefined): number {
    if (!/^-./.test(word)) return 0;
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      if ("erp".includes(letter)) {
        const attached = word.slice(at + 1);
        if (attached !== "") return this.#value(letter, attached) ? 1 : 0;
        return next !== undefined && this.#value(letter, next) ? 2 : 0;
      }
      if (!this.#letter(letter)) return 0;
    }
    return 1;
  }

  #letter(letter: string): boolean {
    if (letter === "c") this.single = true;
    else if (letter === "v") this.verbose = true;
    else if (letter === "w") this.tellReaped = true;
    return "sgcvw".includes(letter);
  }

  #value(letter: string, value: string): boolean {
    if (letter === "r") {
      const [from, to, ...more] = value.split(":");
      const told = to === "0" ? 0 : parseSignal(to ?? "");
      const signal = parseSignal(from ?? "");
      if (more.length > 0 || signal === null || told === null) return false;
      this.rewrite.set(signal, told);
      return true;
    }
    if (letter === "e") {
      if (!/^\d{1,3}$/.test(value) || Number(value) > LAST_CODE) return false;
      this.zeroCodes.push(Number(value));
      return true;
    }
    // A number would be uWSGI's count of processes.
    this.parentDeathSignal = /^\d/.test(value) ? null : parseSignal(value);
    return this.parentDeathSignal !== null;
  }
}
