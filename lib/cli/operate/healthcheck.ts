/**
 * `reeve healthcheck`: one line and exit code 0 or 1, whatever happens, in the time that it has. What asks it
 * takes another code for a fault of the container.
 */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import { type Connection, namesField, pathWith, resultOf } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { fieldsOf, textOf } from "./show/fields.ts";
import { reasonOf } from "./show/reason.ts";
import { isUp, type Service } from "./show/service.ts";
import { askServices, readServices } from "./services.ts";
import { CommandFailure, type OperateWords, operateWords, wrong } from "./words.ts";

const LIMIT_SECONDS = 5;
const MOST_BYTES = 4096;
const LEVELS = ["ready", "alive"];

export async function healthcheck(
  line: Parameters<typeof operateWords>[0],
  deps: OperateDeps,
): Promise<number> {
  const late = deps.sleep(LIMIT_SECONDS * 1000).then((): Verdict => ({
    isHealthy: false,
    text: `no answer within ${LIMIT_SECONDS} s`,
  }));
  const { isHealthy, text } = await Promise.race([late, examine(line, deps).catch(failed)]);
  deps.outputs.out.line(cutBytes(`${isHealthy ? "healthy" : "unhealthy"}: ${text}`, MOST_BYTES - 1));
  return isHealthy ? EXIT.ok : EXIT.failure;
}

interface Verdict {
  readonly isHealthy: boolean;
  readonly text: string;
}

function failed(error: unknown): Verdict {
  return {
    isHealthy: false,
    text: error instanceof Error ? error.message.replaceAll("\n", " ") : "it cannot be said",
  };
}

async function examine(line: Parameters<typeof operateWords>[0], deps: OperateDeps): Promise<Verdict> {
  const words = operateWords(line);
  const level = words.value("level") ?? "ready";
  if (!LEVELS.includes(level)) throw wrong(`cannot use --level="${printable(level)}": wanted ready or alive`);
  const connection = await deps.connect(words.instance);
  try {
    return await judge(level, words, connection, deps);
  } finally {
    connection.close();
  }
}

async function judge(
  level: string,
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<Verdict> {
  const path = pathWith("/v1/health", { level, names: namesField(words.names) });
  const answer = await connection.ask("GET", path);
  const isHealthy = answer.status === 200;
  // 502 is pebble's word for one that is not healthy: no failure of the question.
  const result = answer.status === 502
    ? fieldsOf(fieldsOf(answer.body)["result"])
    : fieldsOf(resultOf(answer).result);
  const said = textOf(result["message"]);
  if (said !== null && said !== "") return { isHealthy, text: printable(said) };
  try {
    const services = readServices(await askServices(connection, words.names));
    return { isHealthy, text: isHealthy ? healthyText(services) : unhealthyText(services, deps.now()) };
  } catch (error) {
    // A user who may ask for the health alone is told no more.
    if (!(error instanceof CommandFailure)) throw error;
    return { isHealthy, text: isHealthy ? `level ${level}` : `not ${level}` };
  }
}

function healthyText(services: readonly Service[]): string {
  const up = services.filter(isUp).length;
  return `${up} of ${services.length} ${services.length === 1 ? "daemon runs" : "daemons run"}`;
}

/** `web is waiting (exit code 1 after 2s, 4 times in a row)`. Pure. */
function unhealthyText(services: readonly Service[], now: number): string {
  const down = services.filter((service) => !isUp(service));
  return down.map((service) => {
    const why = reasonOf(service, now);
    return `${printable(service.name)} is ${printable(service.state)}${why === "" ? "" : ` (${why})`}`;
  }).join("; ");
}

/** At most so many bytes, at the end of a character. Pure. */
export function cutBytes(text: string, most: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= most) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, most - 6)).replace(/\ufffd$/, "")}...`;
}
