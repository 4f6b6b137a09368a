/** The control socket as a configuration has it. Types only, part of the Plan. */
import type { Origin } from "../origin.ts";

/** A user or a group that may use the control socket, besides root and reeve's own user. */
export interface ControlEntry {
  readonly kind: "user" | "group";
  readonly id: number;
  readonly level: "read" | "operate" | "admin";
  readonly origin: Origin;
}
