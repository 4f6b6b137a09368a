/**
 * `reeve enter`: a shell or a command inside the jail of a running instance, or in the namespaces of one of
 * its daemons. Nothing of reeve's, and no terminal of the host, is within reach of what it starts.
 */
import type { CommandLine } from "../shared/argv.ts";
import { parseCommandLine } from "../shared/argv.ts";
import { ConfigError } from "../../config/diagnostic.ts";
import type { Identity } from "../../config/plan/daemon_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { describeFailure } from "../../process/failure_text.ts";
import type { SetupFailure } from "../../process/registry.ts";
import { findRunDir, runDirPlaces } from "../../records/run_dir.ts";
import { closeFd } from "../../sys/file/descriptor.ts";
import { errorText } from "../../sys/error_text.ts";
import { errnoName } from "../../sys/errno.ts";
import { openDirectory } from "../../sys/file/files.ts";
import { hideProcess, ownCredentials, readUmask } from "../../sys/process/own_process.ts";
import { daemonIdentity, enterChild, SHELL } from "./child.ts";
import { holderOf, type InstanceStart, runningInstances, startOf } from "./instance.ts";
import { CannotEnter, type EnterPlace, findPlace } from "./place.ts";
import { Session, type SessionEnd } from "./session.ts";
import { findUser } from "./user.ts";
import { type EnterWords, enterWords, WrongWords } from "./words.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import { readPlan } from "../shared/read_plan.ts";
import { showDiagnostics } from "../shared/show_diagnostics.ts";

const ALL_INSTANCES = "/run/reeve";
const ROOT: Identity = { uid: 0, gid: 0, groups: [0], user: "root" };

/**
 * The exit code of what ran inside; 1: it could not be entered; 2: wrong words, or a wrong configuration;
 * 126, 127: as a shell's.
 */
export async function enter(line: CommandLine, outputs: Outputs): Promise<number> {
  const fail = (text: string, code: number = EXIT.failure): number => {
    outputs.err.line(text);
    return code;
  };
  try {
    const words = enterWords(line);
    if (ownCredentials().effectiveUid !== 0) {
      return fail("cannot enter: it takes root, who alone may join the namespaces of others");
    }
    const plan = planOf(words, outputs);
    if (plan === null) return EXIT.usage;
    // From here on we have open what belongs to a jail, and soon a child in it that is still us.
    hideProcess();
    const runDir = runDirOf(plan);
    const place = await findPlace(plan, runDir, words.daemon);
    const holder = holderOf(runDir);
    const start = holder === null ? null : startOf(holder);
    const { code, failure } = await stay(plan, place, start, words, line.entrypoint);
    return failure === null ? code : fail(...explain(place, line.entrypoint, failure));
  } catch (error) {
    if (error instanceof WrongWords) return fail(error.message, EXIT.usage);
    if (error instanceof ConfigError) {
      showDiagnostics(error.diagnostics, outputs.err);
      return EXIT.usage;
    }
    return fail(`cannot enter${error instanceof CannotEnter ? "" : " it"}: ${errorText(error)}`);
  }
}

/** null: the configuration has errors, which were shown. */
function planOf({ configuration }: EnterWords, outputs: Outputs): Plan | null {
  const line = configuration === null
    ? parseCommandLine(onlyInstance())
    : { ...configuration, entrypoint: null };
  const { plan, diagnostics } = readPlan(line, "start");
  if (plan !== null && !diagnostics.hasErrors) return plan;
  showDiagnostics(diagnostics.list, outputs.err);
  return null;
}

/** The words with which the one instance that runs here was started. */
function onlyInstance(): readonly string[] {
  const found = runningInstances(ALL_INSTANCES);
  const [only, another] = found;
  if (only === undefined) {
    throw new CannotEnter(
      `no instance runs that has its run directory in ${ALL_INSTANCES}: say which with -c CONFIG`,
    );
  }
  if (another !== undefined) {
    const names = found.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    throw new CannotEnter(`there are several instances: ${names}: say which with -c CONFIG`);
  }
  // Relative paths of its command line are relative to where it was started.
  const start = startOf(only.pid);
  if (start === null) throw new CannotEnter(`the instance ${only.name} has just ended`);
  process.chdir(start.cwd);
  return start.words;
}

function runDirOf({ instance }: Plan): string {
  const path = findRunDir(runDirPlaces(instance, 0, process.env));
  if (path === null) throw new CannotEnter("there is no run directory");
  return path;
}

async function stay(
  plan: Plan,
  place: EnterPlace,
  start: InstanceStart | null,
  words: EnterWords,
  command: readonly string[] | null,
): Promise<SessionEnd> {
  const host = openDirectory("/");
  try {
    const identity = words.user === null ? null : findUser(words.user, place.rootFd);
    const owner = identity ?? daemonIdentity(plan, place) ?? ROOT;
    const session = new Session([place.rootFd, host], owner);
    const running = session.run(enterChild({
      plan,
      place,
      command,
      identity,
      fds: session.child.fds,
      isTerminal: session.child.isTerminal,
      start,
      own: process.env,
      inherited: {
        umask: readUmask(),
        rlimits: [],
        isRoot: true,
        cpuCount: navigator.hardwareConcurrency,
        terminal: session.child.isTerminal,
      },
    }));
    // It is in by now, or never will be: of the place nothing is held while it runs.
    place.close();
    return await running;
  } finally {
    closeFd(host);
  }
}

function explain(
  place: EnterPlace,
  command: readonly string[] | null,
  failure: SetupFailure,
): [string, number] {
  const isMissing = errnoName(failure.errno) === "ENOENT";
  const code = failure.stage !== "exec" ? EXIT.failure : isMissing ? EXIT.notFound : EXIT.cannotExecute;
  if (command === null && failure.stage === "exec" && isMissing) {
    return [`cannot enter: there is no ${SHELL} inside: name a command that is there, behind "--"`, code];
  }
  const words = command ?? [SHELL];
  const subject = {
    command: { kind: "words", text: words.join(" "), words } as const,
    chdir: null,
    identity: null,
  };
  return [`cannot run "${words[0]}" in ${place.shown}: ${describeFailure(subject, failure)}`, code];
}
