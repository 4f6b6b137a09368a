/**
 * The door of the supervisor: from a Plan to an exit code. Everything behind it is run.ts.
 */
import type { Diagnostic } from "../config/diagnostic.ts";
import type { Command } from "../config/plan/daemon_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import { hideProcess, setProcessName } from "../sys/process/own_process.ts";
import { leaveFaultsToKernel } from "../sys/process/signals.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import { runInBackground } from "./background.ts";
import type { CheckedFiles } from "../records/checked_files.ts";
import type { Capsule } from "../records/capsule.ts";
import type { Reread } from "./configuration/read_anew.ts";
import { Run } from "./run.ts";

export interface StartRequest {
  readonly plan: Plan;
  /** Everything that was found, to be logged: no errors among it. */
  readonly warnings: readonly Diagnostic[];
  readonly capsule: Capsule;
  /** The configuration's files as they were read. */
  readonly files: CheckedFiles;
  readonly parseCommand: (text: string) => Command;
  /** A plan as `reeve plan --json` has it, secrets hidden. */
  readonly planToJson: (plan: Plan) => Promise<unknown>;
  readonly reread: Reread;
}

/** Runs the instance until it ends; its exit code. */
export async function startInstance(request: StartRequest): Promise<number> {
  const { plan, capsule } = request;
  // An exec of /proc/self/exe is called "exe" by the kernel.
  const name = `${plan.instance.procnamePrefix ?? ""}reeve`;
  const own = keeper();
  setProcessName(own === null ? name : `${name}-core`);
  if (plan.instance.procnamePrefix !== null) own?.name(name);
  leaveFaultsToKernel();
  // Some of us may be looked at by who runs as the same user, and holds what others must not have.
  hideProcess();
  const alone = capsule.readyFd === null && capsule.reloads === 0 && !capsule.underInit;
  if (plan.instance.daemonize && alone) return await runInBackground(capsule);
  const code = await new Run(request).toTheEnd();
  own?.leave(code);
  return code;
}
