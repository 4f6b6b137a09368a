/**
 * What the instance does when it is asked to, and what signals mean: both are tables onto the same commands.
 */
import { expect, test } from "bun:test";
import { type CommandDeps, perform } from "../../lib/supervisor/commands.ts";
import { meanings } from "../../lib/supervisor/signal_wiring.ts";

function instance(change: Partial<CommandDeps> = {}) {
  const done: string[] = [];
  const note = (what: string) => (): void => void done.push(what);
  const line = (_: string | null, text: string): void => void done.push(text);
  const deps: CommandDeps = {
    logger: { info: line, error: line },
    logFile: { reopen: note("reopen"), rotate: note("rotate") },
    stop: note("stop"),
    stopNow: note("stop now"),
    reload: note("reload"),
    logState: note("state"),
    writePidfiles: note("pidfiles"),
    runCommand: (command) => void done.push(`run ${command}`),
    startDaemon: (name) => done.push(`start ${name}`) > 0 && name === "web",
    stopDaemon: (name) => done.push(`stop ${name}`) > 0 && name === "web",
    restartDaemon: (name, reason) => done.push(`restart ${name} for ${reason}`) > 0 && name === "web",
    ...change,
  };
  return { done, deps };
}

test("every command does its one thing", () => {
  const { done, deps } = instance();
  const plain = [
    "stop",
    "stopNow",
    "reload",
    "reopenLog",
    "rotateLog",
    "updatePidfiles",
    "logState",
  ] as const;
  for (const what of plain) perform({ do: what }, deps);
  perform({ do: "run", command: "make it so" }, deps);
  perform({ do: "startDaemon", daemon: "web" }, deps);
  perform({ do: "stopDaemon", daemon: "web" }, deps);
  perform({ do: "restartDaemon", daemon: "web", reason: "touch" }, deps);
  expect(done).toEqual([
    "stop",
    "stop now",
    "reload",
    "reopen",
    "rotate",
    "pidfiles",
    "state",
    "run make it so",
    "start web",
    "stop web",
    "restart web for touch",
  ]);
});

test("what cannot be done is said, and throws at nobody", () => {
  const { done, deps } = instance({
    logFile: null,
    writePidfiles: () => {
      throw new Error("cannot write pidfile");
    },
  });
  perform({ do: "pause" }, deps);
  perform({ do: "reopenLog" }, deps);
  perform({ do: "rotateLog" }, deps);
  perform({ do: "updatePidfiles" }, deps);
  perform({ do: "restartDaemon", daemon: "mail", reason: "touch" }, deps);
  expect(done.filter((line) => !line.startsWith("restart "))).toEqual([
    "nothing to pause: there are no workers",
    "there is no log file to reopen",
    "cannot write pidfile",
    'cannot restart daemon "mail": there is none of that name',
  ]);
});

test("TERM stops, or reloads where the configuration says so; beside an entrypoint USR1 and USR2 are COMMAND's", () => {
  expect(meanings(false, false)).toMatchObject({ SIGTERM: "stop", SIGHUP: "reload", SIGUSR1: "logState" });
  expect(meanings(true, false).SIGTERM).toBe("reload");
  expect(Object.keys(meanings(false, true)).sort()).toEqual(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]);
});
