/** The control socket as a configuration has it. Types only, part of the Plan. */
export interface ControlEntry {
  readonly kind: "user" | "group";
  readonly id: number;
  readonly level: "read" | "operate" | "admin";
}

export interface ControlPlan {
  /** null: RUNDIR/control. */
  readonly path: string | null;
  /** control-allow: who besides root and reeve's own user. */
  readonly allow: readonly ControlEntry[];
}
