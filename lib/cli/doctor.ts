/**
 * `reeve doctor`: what this host offers, and what reeve will do without. It looks only: nothing is left
 * behind or changed.
 */
import { dirname } from "node:path";
import process from "node:process";
import { runDirPlaces } from "../records/run_dir.ts";
import { kernelCalls } from "../sys/host/host.ts";
import { hostFiles } from "../sys/host/host_files.ts";
import { type Finding, findings, type FindingState } from "./doctor_findings.ts";
import { EXIT } from "./shared/exit_code.ts";
import { wrap } from "./help/help.ts";
import type { Colour, Outputs } from "./shared/output.ts";
import { VERSION } from "./shared/version.ts";

const COLOURS: Readonly<Record<FindingState, Colour>> = { ok: "bold", without: "yellow", missing: "red" };
const STATE_WIDTH = 9;
const NAME_WIDTH = 16;

/** 0; 1 when reeve cannot supervise anything on this host. */
export function doctor(json: boolean, outputs: Outputs): number {
  const naming = { identity: "", names: ["NAME"] as const };
  const places = runDirPlaces({ naming, runDir: null }, process.geteuid?.() ?? 0, process.env);
  const list = findings(hostFiles(places.paths.map((path) => dirname(path))), kernelCalls());
  const works = list.every(({ state }) => state !== "missing");
  const code = works ? EXIT.ok : EXIT.failure;
  if (json) {
    outputs.out.line(JSON.stringify({ version: VERSION, works, findings: list }, null, 2));
    return code;
  }
  for (const each of list) {
    const text = findingText(each);
    outputs.out.line(
      outputs.out.paint(text.slice(0, each.state.length), COLOURS[each.state]) +
        text.slice(each.state.length),
    );
  }
  const lacking = list.filter(({ state }) => state === "without").map(({ name }) => name);
  const verdict = works ? "reeve works here" : "reeve cannot work here";
  outputs.out.line(wrap(`${verdict}${lacking.length === 0 ? "" : `, without: ${lacking.join(", ")}`}`, 0, 2));
  return code;
}

/** Lines of at most 80 columns. */
export function findingText({ state, name, found, means }: Finding): string {
  const head = state.padEnd(STATE_WIDTH) + name.padEnd(NAME_WIDTH);
  const indent = head.length;
  return head + wrap(means === "" ? found : `${found}: ${means}`, indent, indent).trimStart();
}
