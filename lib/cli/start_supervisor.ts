/** The step from the command line into the supervisor: loaded only where an instance is run. */
import type { Diagnostic } from "../config/diagnostic.ts";
import type { Plan } from "../config/plan.ts";

export interface StartRequest {
  readonly plan: Plan;
  /** Everything that was found, to be logged: no errors among it. */
  readonly warnings: readonly Diagnostic[];
  /** Words after `--`, or null. */
  readonly entrypoint: readonly string[] | null;
  /** false: the entrypoint form alone, which is as transparent as a small init. */
  readonly hasConfiguration: boolean;
  /** As reeve was called, without the program's name. */
  readonly argv: readonly string[];
}

/** Runs the instance until it ends; its exit code. */
export async function startSupervisor(request: StartRequest): Promise<number> {
  const supervisor: { startInstance?: (request: StartRequest) => Promise<number> } = await import(
    "../supervisor/start.ts"
  );
  if (supervisor.startInstance === undefined) throw new Error("this build has no supervisor");
  return await supervisor.startInstance(request);
}
