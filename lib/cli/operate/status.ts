/** `reeve status`: the daemons of an instance in a table, or one with all that is known of it. */
import { EXIT } from "../shared/exit_code.ts";
import type { Connection } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { detailLines } from "./show/detail.ts";
import { type Fields, textOf } from "./show/fields.ts";
import { isUp, type Service } from "./show/service.ts";
import { askServices, readServices, watch } from "./services.ts";
import { tableLines } from "./show/table.ts";
import { CommandFailure, type OperateWords } from "./words.ts";

/** 0: all run and are ready; 3: one is not up; 4: no such name. */
export async function status(
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<number> {
  try {
    if (words.has("watch")) return await watchStatus(words, connection, deps);
    const list = await askServices(connection, words.names);
    const services = readServices(list);
    if (words.isJson) deps.outputs.out.line(JSON.stringify(list, null, 2));
    else deps.outputs.out.write(text(services, words, deps));
    return services.every(isUp) ? EXIT.ok : EXIT.notUp;
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== EXIT.unknownName) throw error;
    throw new CommandFailure(EXIT.denied, error.message);
  }
}

function text(services: readonly Service[], words: OperateWords, deps: OperateDeps): string {
  const { out } = deps.outputs;
  const options = {
    width: deps.columns(1),
    now: deps.now(),
    paint: out.paint.bind(out),
  };
  const [only] = services;
  const isOne = words.names.length === 1 && services.length === 1 && words.names[0] === only?.name;
  if (!words.has("long") && !isOne) {
    if (services.length === 0) return "the instance has no daemons\n";
    return tableLines(services, options).map((line) => `${line}\n`).join("");
  }
  return services.map((service) => detailLines(service, options).map((line) => `${line}\n`).join("")).join(
    "\n",
  );
}

/** On a terminal the table is drawn again in its place; elsewhere, and as JSON, what has changed is added. */
async function watchStatus(words: OperateWords, connection: Connection, deps: OperateDeps): Promise<number> {
  const { out } = deps.outputs;
  const isDrawn = deps.columns(1) !== null && !words.isJson;
  let before = new Map<string, string>();
  for await (const list of watch(connection, () => askServices(connection, words.names), deps)) {
    const changed = list.filter((fields) => before.get(textOf(fields["name"]) ?? "") !== steady(fields));
    before = new Map(list.map((fields) => [textOf(fields["name"]) ?? "", steady(fields)]));
    if (words.isJson) { for (const fields of changed) out.line(JSON.stringify(fields)); }
    else if (isDrawn) out.write(`\x1b[H\x1b[J${text(readServices(list), words, deps)}`);
    else if (changed.length > 0) out.write(text(readServices(changed), words, deps));
    if (out.isClosed) break;
  }
  return EXIT.ok;
}

/** Without what changes of itself. */
function steady(fields: Fields): string {
  const { "uptime-s": _uptime, memory: _memory, cpu: _cpu, tasks: _tasks, descriptors: _files, ...rest } =
    fields;
  return JSON.stringify(rest);
}
