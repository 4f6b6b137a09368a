/** A running jail, and `reeve enter` into it, for the tests of that command. */
import type { Scope, Supervisor } from "./harness.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { pidNamespace, REEVE, reeve, root } from "./need.ts";

export const NEEDS = [reeve, root, pidNamespace, busybox];

export async function jailed(scope: Scope, lines: readonly string[] = []): Promise<Supervisor> {
  const rootDirectory = busyboxRoot(scope);
  const supervisor = scope.reeve(scope.config([`namespace = ${rootDirectory}:box`, ...lines]));
  await supervisor.untilLog(/reeve is up/);
  return supervisor;
}

export async function enter(scope: Scope, words: readonly string[], wrap: readonly string[] = []) {
  return await scope.run([...wrap, REEVE, "enter", "-c", scope.path("test.ini"), ...words]);
}

/** The root was made before. */
export async function jailedAgain(scope: Scope, lines: readonly string[]): Promise<void> {
  const supervisor = scope.reeve(scope.config([`namespace = ${scope.path("root")}:box`, ...lines]));
  await supervisor.untilLog(/reeve is up/);
}
