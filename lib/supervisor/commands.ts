/**
 * Performs what the instance is asked to do, whoever asks. The one place that gives an InstanceCommand its
 * meaning; it holds nothing and never decides when something is asked.
 */
import type { InstanceCommand } from "../control/commands.ts";
import type { StopReason } from "../daemon/state.ts";
import type { Logger } from "../log/logger.ts";
import { errorText } from "../sys/error_text.ts";

export interface CommandDeps {
  readonly logger: Pick<Logger, "info" | "error">;
  readonly logFile: { reopen(): void; rotate(): unknown } | null;
  /** Without a code: with that of a control daemon. */
  readonly stop: (code: number | null) => void;
  readonly stopNow: () => void;
  readonly reload: () => void;
  readonly logState: () => void;
  /** Throws where one cannot be written. */
  readonly writePidfiles: () => void;
  readonly runCommand: (command: string) => void;
  /** Each answers whether there is such a daemon. */
  readonly startDaemon: (name: string) => boolean;
  readonly stopDaemon: (name: string) => boolean;
  readonly restartDaemon: (name: string, reason: StopReason) => boolean;
}

export function perform(command: InstanceCommand, deps: CommandDeps): void {
  const { logger, logFile } = deps;
  switch (command.do) {
    case "stop":
      return deps.stop(null);
    case "exitOnReload":
      return deps.stop(0);
    case "stopNow":
      return deps.stopNow();
    case "reload":
      return deps.reload();
    case "reopenLog":
      if (logFile === null) return logger.info(null, "there is no log file to reopen");
      return logFile.reopen();
    case "rotateLog":
      return void logFile?.rotate();
    case "pause":
      return logger.info(null, "nothing to pause: there are no workers");
    case "updatePidfiles":
      return updatePidfiles(deps);
    case "logState":
      return deps.logState();
    case "run":
      return deps.runCommand(command.command);
    case "startDaemon":
      return sayUnknown(deps, "start", command.daemon, deps.startDaemon(command.daemon));
    case "stopDaemon":
      return sayUnknown(deps, "stop", command.daemon, deps.stopDaemon(command.daemon));
    case "restartDaemon":
      return sayUnknown(deps, "restart", command.daemon, deps.restartDaemon(command.daemon, command.reason));
  }
}

function sayUnknown({ logger }: CommandDeps, verb: string, daemon: string, isKnown: boolean): void {
  if (!isKnown) logger.error(null, `cannot ${verb} daemon "${daemon}": there is none of that name`);
}

function updatePidfiles({ logger, writePidfiles }: CommandDeps): void {
  try {
    writePidfiles();
  } catch (error) {
    logger.error(null, errorText(error));
  }
}
