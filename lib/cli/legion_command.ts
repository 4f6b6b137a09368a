/**
 * `reeve legion FILE`: the legions of a running instance, asked for through the address of its `stats`
 * option. What is answered may be anybody's words: nothing of it reaches the terminal unescaped, and what has
 * another form is left out.
 */
import type { CommandLine } from "./shared/argv.ts";
import { readStats } from "../control/stats/client.ts";
import { errorText } from "../sys/error_text.ts";
import { EXIT } from "./shared/exit_code.ts";
import { type Outputs, printable } from "./shared/output.ts";
import { readPlan } from "./shared/read_plan.ts";
import { showDiagnostics } from "./shared/show_diagnostics.ts";

/** 0; 1: the instance does not answer; 2: the words or the configuration are wrong. */
export async function showLegions(line: CommandLine, outputs: Outputs): Promise<number> {
  const { files } = line;
  const { plan, diagnostics } = readPlan(line, "check");
  if (plan === null) {
    showDiagnostics(diagnostics.list, outputs.err);
    return EXIT.usage;
  }
  const { stats } = plan.instance;
  if (stats === null) {
    if (diagnostics.hasErrors) {
      showDiagnostics(diagnostics.list, outputs.err);
      return EXIT.usage;
    }
    const name = files.map((file) => file.name).join(" ");
    outputs.err.line(
      `cannot ask the instance of "${
        printable(name)
      }": it has no stats option; add stats = ADDRESS and reload it`,
    );
    return EXIT.usage;
  }
  try {
    const legions = legionsOf(await readStats(stats));
    if (line.flags.has("json")) outputs.out.line(JSON.stringify(legions, null, 2));
    else outputs.out.write(legionsText(legions));
    return EXIT.ok;
  } catch (error) {
    outputs.err.line(printable(errorText(error)));
    return EXIT.failure;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function legionsOf(document: unknown): readonly Fields[] {
  if (!isFields(document)) throw new Error("cannot understand the answer: it is no document of statistics");
  return listOf(document["legions"]);
}

const text = (value: unknown): string =>
  typeof value === "string" ? printable(value) : typeof value === "number" ? String(value) : "";

/** Seconds since 1970 to RFC 3339; "" for what is none. */
function time(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0 || value > 8e12) return "";
  return new Date(value * 1000).toISOString().replace(".000Z", "Z");
}

/** For people: a line on this node's standing, and a table of all nodes. */
export function legionsText(legions: readonly Fields[]): string {
  if (legions.length === 0) return "the instance is in no legion\n";
  return legions.map(legionText).join("\n");
}

function legionText(legion: Fields): string {
  const isLord = legion["i_am_the_lord"] !== 0;
  const standing = `legion ${text(legion["legion"])}: this node is ${isLord ? "the lord" : "not the lord"}`;
  const lines = [
    `${standing}, since ${time(legion["since"])}; votes ${text(legion["votes"])}, quorum ${
      text(legion["quorum"])
    }`,
  ];
  if (typeof legion["problem"] === "string") lines.push(`  takes no part: ${text(legion["problem"])}`);
  const own = { ...legion, last_seen: "here" };
  const rows = [own, ...listOf(legion["members"])].map((node) => nodeRow(node, legion));
  const refused = isFields(legion["refused"]) ? Object.entries(legion["refused"]) : [];
  const counts = refused.filter(([, count]) => typeof count === "number" && count > 0);
  return [
    ...lines,
    ...table([["NODE", "VALOR", "LAST SEEN", "VOTES FOR", "UUID", ""], ...rows]),
    ...counts.map(([reason, count]) => `  packets refused, ${printable(reason)}: ${text(count)}`),
    "",
  ].join("\n");
}

function nodeRow(node: Fields, legion: Fields): string[] {
  const uuid = text(node["uuid"]);
  const seen = node["last_seen"] === "here" ? "this node" : time(node["last_seen"]);
  const lord = text(legion["lord_uuid"]);
  const mark = uuid !== lord
    ? ""
    : legion["i_am_the_lord"] !== 0 || uuid !== text(legion["uuid"])
    ? "lord"
    : "elected";
  return [text(node["name"]), text(node["valor"]), seen, nameOf(node["lord_uuid"], legion), uuid, mark];
}

/** The name of the node with this uuid. */
function nameOf(uuid: unknown, legion: Fields): string {
  if (uuid === "") return "nobody";
  if (uuid === legion["uuid"]) return text(legion["name"]);
  const found = listOf(legion["members"]).find((member) => member["uuid"] === uuid);
  return text(found?.["name"] ?? uuid);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd()
  );
}
