/** The instance's namespaces in words, for `reeve plan`. Pure. */
import { joinText, keepText, rootText } from "../../config/plan/daemon_text.ts";
import type { JailPlan, SetnsServerPlan } from "../../config/plan/jail_plan.ts";
import type { Origin } from "../../config/origin.ts";

/** `label`, `value` and the place that it comes from. */
type Add = (label: string, value: string, origin: Origin) => void;

export function addJailRows(jail: JailPlan, add: Add): void {
  const { origin } = jail;
  add("jail", jail.option, origin);
  if (jail.root !== null) add("root", rootText(jail.root), origin);
  add("namespaces", jail.namespaces.join(" ") || "none of its own", origin);
  if (jail.hostname !== null) add("hostname", jail.hostname, origin);
  for (const join of jail.join) add("joins", joinText(join), join.origin);
  for (const keep of jail.keep) add("keeps", keepText(keep), keep.origin);
  if (jail.bare) add("mounts", "/proc and what is kept, alone", origin);
  add(
    "begins with",
    jail.environment === "clean" ? "PATH, TERM and LANG alone" : "reeve's environment",
    origin,
  );
}

export function addSetnsServerRow(server: SetnsServerPlan, add: Add): void {
  const skip = server.skip.length === 0 ? "" : `, but ${server.skip.join(" ")}`;
  add("hands out", `the namespaces on ${server.path}${skip}`, server.origin);
}
