/**
 * The users and groups of control-allow. Pure. An entry that is not understood must never stand for more than
 * it says: it is an error, and the Plan is without it.
 */
import type { RawOption } from "../origin.ts";
import type { ControlEntry } from "../plan/control_plan.ts";
import { resolveGroup, resolveUser } from "../system/identity.ts";
import type { PlanDeps } from "../system/plan_deps.ts";
import { nearestName } from "../nearest.ts";
import { quote } from "../problem.ts";
import { UserDatabase } from "../users.ts";
import type { OptionReader } from "../values/options.ts";

const LEVELS = ["read", "operate", "admin"] as const;
/** The kernel shows a peer of another user namespace as this user and group, unless told otherwise. */
const OVERFLOW_ID = 65534;

/** `USER` or `@GROUP` by name or number, and behind a colon the level; without one: read. */
export function planControlAllow(reader: OptionReader, system: PlanDeps): readonly ControlEntry[] {
  // Peers are processes of the host, whatever the root of the daemons.
  const users = new UserDatabase(system);
  return reader.all("control-allow").filter((option) => reader.needText(option)).flatMap((option) => {
    const entry = planEntry(option, users, reader);
    return entry === null ? [] : [entry];
  });
}

function planEntry(option: RawOption, users: UserDatabase, reader: OptionReader): ControlEntry | null {
  const { origin } = option;
  const { diagnostics } = reader;
  const at = option.value.lastIndexOf(":");
  const word = at < 0 ? "read" : option.value.slice(at + 1);
  const level = LEVELS.find((one) => one === word);
  if (level === undefined) {
    const near = nearestName(word, LEVELS);
    const hint = near === null ? `there are ${LEVELS.join(", ")}` : `did you mean ${quote(near)}?`;
    diagnostics.error(`unknown level ${quote(word)} in control-allow: ${hint}`, origin);
    return null;
  }
  const whom = at < 0 ? option.value : option.value.slice(0, at);
  const kind = whom.startsWith("@") ? "group" : "user";
  const written = { value: kind === "group" ? whom.slice(1) : whom, origin };
  const id = kind === "group"
    ? resolveGroup(written, users, diagnostics)
    : resolveUser(written, users, diagnostics);
  if (id === null) return null;
  if (id === OVERFLOW_ID) {
    diagnostics.error(
      `cannot allow ${kind} ${id} (${quote(written.value)}) in control-allow: ` +
        "every process of another user namespace looks as if it were that; make a user or a group for it",
      origin,
    );
    return null;
  }
  return { kind, id, level, origin };
}
