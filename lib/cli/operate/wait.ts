/** `reeve wait NAME...`: until daemons are as it was asked, or one of them was given up. */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import type { Connection } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { reasonOf } from "./show/reason.ts";
import { isUp, type Service } from "./show/service.ts";
import { askServices, readServices, watch } from "./services.ts";
import { CommandFailure, type OperateWords, wrong } from "./words.ts";

const CONDITIONS = ["ready", "up", "down", "gone"] as const;
export type Condition = (typeof CONDITIONS)[number];

export async function wait(words: OperateWords, connection: Connection, deps: OperateDeps): Promise<number> {
  const condition = conditionOf(words);
  const { timeout } = words;
  const waiting = untilMet(condition, words, connection, deps);
  if (timeout === null) return await waiting;
  const late = deps.sleep(timeout * 1000).then(() => {
    throw new CommandFailure(EXIT.timeout, `${words.names.join(", ")}: not ${condition} after ${timeout} s`);
  });
  return await Promise.race([waiting, late]);
}

/** Throws CommandFailure. Pure. */
export function conditionOf(words: Pick<OperateWords, "has">): Condition {
  const said = CONDITIONS.filter((condition) => words.has(condition));
  if (said.length > 1) throw wrong(`wait takes one of ${CONDITIONS.map((one) => `--${one}`).join(", ")}`);
  return said[0] ?? "ready";
}

async function untilMet(
  condition: Condition,
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<number> {
  const look = (): Promise<readonly Service[]> =>
    condition === "gone"
      ? askEach(connection, words.names)
      : askServices(connection, words.names).then(readServices);
  let held: ReadonlySet<string> | null = null;
  for await (const services of watch(connection, look, deps)) {
    const failed = services.find((service) => isGivenUp(service, condition, held));
    if (failed !== undefined && !words.has("any")) {
      const why = reasonOf(failed, deps.now());
      throw new CommandFailure(
        EXIT.failure,
        `${printable(failed.name)} is ${printable(failed.state)}${why === "" ? "" : `: ${why}`}`,
      );
    }
    if (isMet(services, condition, words.has("any"), words.names.length)) return EXIT.ok;
    held ??= new Set(services.filter((service) => service.held !== null).map(({ name }) => name));
  }
  return EXIT.failure;
}

/** Those of the names that there are. */
async function askEach(connection: Connection, names: readonly string[]): Promise<readonly Service[]> {
  const found: Service[] = [];
  for (const name of names) {
    try {
      found.push(...readServices(await askServices(connection, [name])));
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.code !== EXIT.unknownName) throw error;
    }
  }
  return found;
}

/** `asked`: how many names there are. Pure. */
function isMet(
  services: readonly Service[],
  condition: Condition,
  isAny: boolean,
  asked: number,
): boolean {
  if (condition === "gone") return isAny ? services.length < asked : services.length === 0;
  const meets = (service: Service): boolean =>
    condition === "ready"
      ? isUp(service)
      : condition === "up"
      ? service.state === "running"
      : service.state === "down";
  return isAny ? services.some(meets) : services.every(meets);
}

/** It will not be up: its starts fail, or somebody stopped it since the wait began. Pure. */
export function isGivenUp(
  { name, state, held }: Service,
  condition: Condition,
  heldBefore: ReadonlySet<string> | null,
): boolean {
  if (condition === "down" || condition === "gone") return false;
  return state === "broken" || held !== null && heldBefore !== null && !heldBefore.has(name);
}
