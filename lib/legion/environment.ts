/** The variables of a legion in the environment of its daemons and hooks. Pure. */
import type { LegionEvent } from "../config/plan/legion_plan.ts";
import type { NodeId } from "./election/announcement.ts";
import type { Term } from "./election/elector.ts";

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/**
 * REEVE_LEGION, _VALOR, _UUID of this node; _TERM of its lordship, and _TOKEN where the transport has one.
 */
export function legionVariables(legion: string, id: NodeId, term: Term | null): Variable[] {
  const variables = [
    { name: "REEVE_LEGION", value: legion },
    { name: "REEVE_LEGION_VALOR", value: String(id.valor) },
    { name: "REEVE_LEGION_UUID", value: id.uuid },
  ];
  if (term !== null) variables.push({ name: "REEVE_LEGION_TERM", value: String(term.number) });
  if (term !== null && term.token !== null) {
    variables.push({ name: "REEVE_LEGION_TOKEN", value: term.token });
  }
  return variables;
}

/** Besides the above: REEVE_LEGION_EVENT, and the other node's name, valor and uuid where it is about one. */
export function hookVariables(event: LegionEvent, node: NodeId | null): Variable[] {
  const variables = [{ name: "REEVE_LEGION_EVENT", value: event }];
  if (node === null) return variables;
  return [
    ...variables,
    { name: "REEVE_LEGION_NODE", value: node.name },
    { name: "REEVE_LEGION_NODE_VALOR", value: String(node.valor) },
    { name: "REEVE_LEGION_NODE_UUID", value: node.uuid },
  ];
}
