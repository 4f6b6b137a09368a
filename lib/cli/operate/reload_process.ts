/** `reeve --reload PIDFILE` where that process has a control socket: it ends as `reeve reload` does. */
import { ownCredentials } from "../../sys/process/own_process.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import { findInstances, usualPlaces } from "./instances.ts";

/** `pid`: known to be a reeve. -> the exit code; null: it has no socket in the usual places. */
export async function reloadProcess(pid: number, outputs: Outputs): Promise<number | null> {
  const places = usualPlaces(ownCredentials().effectiveUid, process.env);
  const found = findInstances(places).instances.find((instance) => instance.pid === pid);
  if (found === undefined) return null;
  const { operate } = await import("./operate.ts");
  const flags = new Map([["socket", [found.socket]]]);
  const code = await operate("reload", { command: "reload", operands: [], flags }, outputs);
  return code === EXIT.noInstance ? null : code;
}
