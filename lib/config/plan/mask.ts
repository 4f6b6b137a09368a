/**
 * Takes secrets out of what is shown: values whose name says that they are one, and passwords in addresses.
 * For output only; what is run is never touched. Where it must guess, it hides rather than shows.
 */
import { lazy } from "../../sys/lazy.ts";
import type { Command } from "./daemon_plan.ts";

export const HIDDEN = "[hidden]";

const setOf = (words: string): () => ReadonlySet<string> => lazy(() => new Set(words.split(" ")));

/** Words of which one in a name makes the value a secret: as a whole word, never as a part of one. */
const SECRET_WORDS = setOf(
  "password passwords passwd passphrase passcode pass pwd secret secrets token tokens key keys credential credentials " +
    "cred creds pin psk",
);
/** Names that programs write without a sign between the words. */
const JOINED_NAMES = setOf(
  "pgpassword dbpassword dbpasswd dbpass userpassword rootpassword adminpassword mypassword requirepass masterauth " +
    "masterpass sshpass userpass apikey apitoken accesskey accesstoken authtoken authkey secretkey privatekey clientsecret",
);
/** The last word of a name that is about a secret, or says where it is, and not what it is. */
const ABOUT_WORDS = setOf(
  "file files path dir directory fd id ids name names length size algorithm type method mode format encoding encryption " +
    "policy provider plugin backend class host port url uri user users ttl timeout age expiry lifetime count max min limit " +
    "bits version required enabled optional hint prefix space event events",
);
/** The first word of a name by which something is switched. */
const SWITCHES = setOf("no without skip disable enable allow ask prompt");
/** Words that make of a key one that everybody may know. */
const PLAIN_KEYS = setOf("public primary foreign partition sort routing group cache index hash max min num");
/** Names of which the value is none whatever their words say: the working directory is one. */
const PLAIN_NAMES = setOf("pwd oldpwd");

/** Whether a variable's, an option's or a key's name says that its value is a secret. */
export function isSecretName(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  const last = words.at(-1) ?? "";
  if (ABOUT_WORDS().has(last) || SWITCHES().has(words[0] ?? "") || PLAIN_NAMES().has(words.join("_"))) {
    return false;
  }
  return words.some((word, index) => {
    const before = words[index - 1] ?? "";
    if (word === "key" || word === "keys") return !PLAIN_KEYS().has(before);
    // REDIS_AUTH is one; --auth=peer and --auth-host=peer say how, not with what.
    if (word === "auth") return before !== "" && word === last;
    return SECRET_WORDS().has(word) || JOINED_NAMES().has(word);
  });
}

export function maskValue(name: string, value: string): string {
  return isSecretName(name) ? HIDDEN : maskAddresses(value);
}

/** The text before the secret of an option that has one within its line. */
const BEFORE_SECRET: Readonly<Record<string, RegExp>> = {
  "legion": /^\s*\S+\s+\S+\s+\d+\s+[\w-]+:/,
  "legion-mcast": /^\s*\S+\s+\S+\s+\d+\s+[\w-]+:/,
  "legion-auth": /^\s*\S+\s+/,
};

/**
 * The value of an option as a person may see it. Where its form is not the expected one, all of it may be the
 * secret.
 */
export function maskOption(name: string, value: string): string {
  if (name === "legion-etcd") return maskLine(value);
  const secret = secretOf(name, value);
  return secret === null ? value : value.slice(0, value.length - secret.length) + HIDDEN;
}

/** The end of the value that is a secret; null: there is none in an option of this name. */
export function secretOf(name: string, value: string): string | null {
  const before = Object.hasOwn(BEFORE_SECRET, name) ? BEFORE_SECRET[name] : undefined;
  return before === undefined ? null : value.slice(before.exec(value)?.[0].length ?? 0) || null;
}

/** `scheme://user:password@host` and `scheme://:password@host`. */
export function maskAddresses(text: string): string {
  return text.replace(/([A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s\/:@'"]*:)[^\s\/@'"]+@/g, `$1${HIDDEN}@`);
}

/** A word of a line as a shell writes it: quotes and backslashes hold it together. */
const WORD = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\]|['"\\])+/gs;

/** A command line, quoted as it was written. */
export function maskLine(line: string): string {
  const masker = new WordMasker();
  return line.replace(WORD, (word) => masker.mask(word));
}

/** A command as log lines and messages show it. */
export function shownCommand(command: Command): string {
  return maskLine(command.text);
}

/** `ACTION:ARGUMENTS` of a hook. */
export function maskHook(text: string): string {
  const colon = text.indexOf(":") + 1;
  return text.slice(0, colon) + maskLine(text.slice(colon));
}

/** The words of a command. */
export function maskWords(words: readonly string[]): readonly string[] {
  const masker = new WordMasker();
  return words.map((word) => {
    const masked = masker.mask(word);
    return masked === word && /\s/.test(word) ? maskLine(word) : masked;
  });
}

/** Masks words one after the other: some are secret because of the word before. */
class WordMasker {
  #next: "plain" | "secret" | "login" = "plain";

  mask(word: string): string {
    const expected = this.#next;
    this.#next = "plain";
    if (expected === "secret" && !/^--?[A-Za-z]/.test(word)) return HIDDEN;
    if (expected === "login" && /^[^:\/]+:./.test(word) && !/^\d+:\d+$/.test(word)) {
      return `${word.slice(0, word.indexOf(":"))}:${HIDDEN}`;
    }
    const assignment = /^(['"]?)(-{0,2}[A-Za-z_][A-Za-z0-9_.-]*)=(.+)$/s.exec(word);
    if (assignment !== null && isSecretName(assignment[2] ?? "")) {
      return `${assignment[1]}${assignment[2]}=${HIDDEN}`;
    }
    const header = /^(['"]?)([A-Za-z-]+):\s*\S/.exec(word);
    if (header !== null && /^(?:proxy-)?authorization$/i.test(header[2] ?? "")) {
      return `${header[1]}${header[2]}: ${HIDDEN}`;
    }
    if (word.startsWith("-") && assignment === null) {
      if (isSecretName(word)) this.#next = "secret";
      else if (word === "-u" || word === "--user") this.#next = "login";
    }
    // A line within the line, as sh -c has it.
    const quoted = /^(['"])(.*\s.*)\1$/s.exec(word);
    if (quoted !== null) return `${quoted[1]}${maskLine(quoted[2] ?? "")}${quoted[1]}`;
    return maskAddresses(word);
  }
}
