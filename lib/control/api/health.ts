/**
 * The health of an instance: whether the daemons that are to run do. Open to whoever can connect; names are
 * told only to who may read them.
 */
import { answerNow } from "../reply.ts";
import { reaches, type Reply } from "../request.ts";
import type { ServiceFacts } from "../service_facts.ts";
import type { ControlDeps } from "./deps.ts";
import { bad, listOf, named } from "./request_values.ts";
import type { Call } from "./route.ts";

type Level = "alive" | "ready";

export async function healthReply(call: Call, deps: ControlDeps): Promise<Reply> {
  const level = call.query.get("level") ?? "ready";
  if (level !== "alive" && level !== "ready" && level !== "") throw bad('"level" must be alive or ready');
  const mayRead = reaches(call.peer.level, "read");
  const words = listOf(call, "names");
  const names = words.length === 0 || !mayRead ? null : named(words, deps.daemons());
  const all = await deps.services(names ?? deps.daemons().map(({ name }) => name), "none");
  const ill = all.filter((facts) => !isWell(facts, level === "alive" ? "alive" : "ready", names !== null));
  const services = ill.map(({ name, state, streak, held }) => ({ name, state, streak, held: held !== null }));
  return answerNow(
    { healthy: ill.length === 0, ...(mayRead && ill.length > 0 ? { services } : {}) },
    ill.length === 0 ? 200 : 502,
  );
}

/** One that is to be down, by whatever word, is well: unless it was asked for by its name. */
function isWell({ desired, isUp, state }: ServiceFacts, level: Level, isNamed: boolean): boolean {
  if (desired === "down" && !isNamed) return true;
  return isUp || (level === "alive" && desired === "up" && state !== "broken");
}
