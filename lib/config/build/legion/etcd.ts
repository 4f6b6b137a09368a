/**
 * `legion-etcd = NAME URL[,URL...] VALOR [ttl=10] [prefix=/reeve] [user=U:PASSWORD-FILE] [ca=F cert=F
 * key=F]`. Pure. Passwords stand in a file, never in the configuration, and no message shows what was written
 * in their place.
 */
import type { EtcdTransportPlan } from "../../plan/legion_plan.ts";
import type { Field } from "../../values/field.ts";
import { type LegionDraft, parseValor } from "./draft.ts";
import { nearestName } from "../../nearest.ts";
import { join } from "../../system/programs.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import { quote } from "../../problem.ts";

const DEFAULT_TTL = 10;
/** etcd grants no lease that is shorter than its own election time-out, 1 s by default, rounded up. */
const SHORTEST_TTL = 2;
const LONGEST_TTL = 3600;
const DEFAULT_PREFIX = "/reeve";
const KEYS = ["ttl", "prefix", "user", "ca", "cert", "key"] as const;
type Key = typeof KEYS[number];

/** The words that follow the name; null after an error. */
export function parseEtcdLegion(name: string, option: Field, system: PlanDeps): LegionDraft | null {
  const { origin } = option;
  const [urlPart = "", valorPart, ...words] = option.value.split(/\s+/);
  if (valorPart === undefined) {
    return option.error('cannot use legion-etcd: it takes "NAME URL[,URL...] VALOR [KEY=VALUE ...]"');
  }
  const urls = parseUrls(option.with({ value: urlPart }));
  const valor = parseValor(option.with({ value: valorPart }));
  const keys = parseKeys(words, option);
  if (urls === null || valor === null || keys === null) return null;
  const transport = parseTransport(urls, keys, option, system);
  return { name, valor, origin, transport, quorum: 0, quorumOrigin: null, scroll: null, hooks: [] };
}

function parseUrls(field: Field): readonly string[] | null {
  const urls: string[] = [];
  for (const word of field.value.split(",")) {
    const problem = problemOfUrl(word);
    if (problem !== null) return field.error(`cannot use legion-etcd: ${problem}`);
    const { origin, pathname } = new URL(word);
    urls.push(`${origin}${pathname.replace(/\/+$/, "")}`);
  }
  return [...new Set(urls)];
}

function problemOfUrl(word: string): string | null {
  if (!URL.canParse(word)) {
    return 'a URL is written as in "http://10.0.0.1:2379", several with "," between them';
  }
  const url = new URL(word);
  if (url.username !== "" || url.password !== "") {
    return "a URL holds no user and no password here: write user=NAME:PASSWORD-FILE behind the valor";
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `${quote(url.protocol)} is not spoken: a URL begins with "http://" or "https://"`;
  }
  if (url.search !== "" || url.hash !== "") return `the URL of ${quote(url.host)} has a query or a fragment`;
  return null;
}

function parseKeys(words: readonly string[], option: Field): ReadonlyMap<Key, string> | null {
  const values = new Map<Key, string>();
  let isGood = true;
  for (const word of words) {
    const equals = word.indexOf("=");
    const written = equals < 0 ? "" : word.slice(0, equals);
    const key = KEYS.find((known) => known === written);
    if (key === undefined) {
      const near = nearestName(written, KEYS);
      const what = written === "" ? "a word behind the valor has no key" : `unknown key ${quote(written)}`;
      const hint = near === null ? `there are ${KEYS.join(", ")}` : `did you mean "${near}"?`;
      option.error(`cannot use legion-etcd: ${what}: ${hint}`);
      isGood = false;
    } else if (equals === word.length - 1 || values.has(key)) {
      const problem = values.has(key) ? "is given more than once" : "has no value";
      option.error(`cannot use legion-etcd: the key "${key}" ${problem}`);
      isGood = false;
    } else values.set(key, word.slice(equals + 1));
  }
  return isGood ? values : null;
}

function parseTransport(
  urls: readonly string[],
  keys: ReadonlyMap<Key, string>,
  option: Field,
  system: PlanDeps,
): EtcdTransportPlan {
  const refuse = (problem: string): null => option.error(`cannot use legion-etcd: ${problem}`);
  const file = (key: Key): string | null => {
    const path = keys.get(key);
    return path === undefined ? null : join(system.cwd, path);
  };
  const ttl = keys.get("ttl") ?? String(DEFAULT_TTL);
  if (!/^\d{1,6}s?$/.test(ttl) || parseInt(ttl) < SHORTEST_TTL || parseInt(ttl) > LONGEST_TTL) {
    refuse(`ttl must be whole seconds from ${SHORTEST_TTL} to ${LONGEST_TTL}, not ${quote(ttl)}`);
  }
  const prefix = (keys.get("prefix") ?? DEFAULT_PREFIX).replace(/\/+$/, "");
  if (!prefix.startsWith("/")) refuse('prefix must begin with "/" and name more than that');
  const user = /^([^:]+):(.+)$/.exec(keys.get("user") ?? "");
  if (keys.has("user") && user === null) refuse("user must be NAME:PASSWORD-FILE, the file of one line");
  const tls = { ca: file("ca"), cert: file("cert"), key: file("key") };
  if ((tls.cert === null) !== (tls.key === null)) {
    refuse("cert and key belong together: give both, or neither");
  }
  const isPlain = urls.every((url) => url.startsWith("http://"));
  if (isPlain && (tls.ca !== null || tls.cert !== null || tls.key !== null)) {
    refuse('ca, cert and key need a URL that begins with "https://"');
  }
  return {
    kind: "etcd",
    urls,
    ttl: parseInt(ttl) || DEFAULT_TTL,
    prefix,
    user: user === null ? null : { name: user[1] ?? "", passwordFile: join(system.cwd, user[2] ?? "") },
    tls,
  };
}
