/**
 * Words for a child that could not be set up: the stage, what it was about, the errno, and the remedy where
 * errno misleads.
 */
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import { errnoName, errnoText } from "../sys/errno.ts";
import type { SetupFailure } from "./registry.ts";

type Subject = Pick<DaemonPlan, "command" | "chdir" | "identity">;

export function describeFailure(plan: Subject, failure: SetupFailure): string {
  if (failure.words !== undefined) return failure.words;
  const subject = subjectOf(plan, failure.stage);
  const remedy = remedyFor(failure);
  return `${failure.stage}${subject}: ${errnoText(failure.errno)}${remedy === null ? "" : ` (${remedy})`}`;
}

function subjectOf(plan: Subject, stage: string): string {
  switch (stage) {
    case "exec":
      return ` "${plan.command.kind === "shell" ? plan.command.shell : plan.command.words[0]}"`;
    case "chdir":
      return ` "${plan.chdir}"`;
    case "setuid":
      return ` ${plan.identity?.uid}`;
    case "setgid":
      return ` ${plan.identity?.gid}`;
    default:
      return "";
  }
}

function remedyFor(failure: SetupFailure): string | null {
  const name = errnoName(failure.errno);
  if (failure.stage === "exec" && name === "ENOENT") {
    return "the file, or the interpreter of its first line, is not there";
  }
  if (failure.stage === "exec" && name === "ENOEXEC") {
    return "a program of another architecture, or a script without a first line like #!/bin/sh and no /bin/sh";
  }
  if (failure.stage === "setuid" && name === "EAGAIN") return "the user has too many processes";
  return null;
}
