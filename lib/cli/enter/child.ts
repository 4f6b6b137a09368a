/**
 * From a place and a command to the child that is started there: the rights, limits and environment of a
 * daemon of that place, and nothing of reeve's own. Pure but for what reeve was started with.
 */
import type { Identity } from "../../config/plan/daemon_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import {
  commandFile,
  daemonChild,
  environmentAs,
  environmentOf,
  type Inherited,
  instanceChild,
  shieldBounded,
} from "../../process/child_builder.ts";
import { daemonEnvironment, type Environment, jailEnvironment } from "../../process/environment.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import type { InstanceStart } from "./instance.ts";
import type { EnterPlace } from "./place.ts";

export interface EnterRequest {
  readonly plan: Plan;
  readonly place: EnterPlace;
  /** null: the shell. */
  readonly command: readonly string[] | null;
  /** Instead of who the daemons are. */
  readonly identity: Identity | null;
  /** fds 0 to 2. */
  readonly fds: readonly (number | "null")[];
  /** fd 0 is a terminal of the child's own. */
  readonly isTerminal: boolean;
  /** The reeve that runs there; null: none does. */
  readonly start: InstanceStart | null;
  /** The environment of whoever enters. */
  readonly own: Readonly<Record<string, string | undefined>>;
  readonly inherited: Inherited;
}

export const SHELL = "/bin/sh";

/** The user of the daemons there; null: root, as reeve is. */
export function daemonIdentity({ instance }: Plan, place: EnterPlace): Identity | null {
  return place.daemon?.identity ?? instance.identity;
}

export function enterChild(request: EnterRequest): Omit<ChildSpec, "spawnId"> {
  const { plan, place, inherited } = request;
  const { instance } = plan;
  const surrounding = surroundingOf(request);
  const environment = place.daemon === null ? surrounding : environmentOf(place.daemon, surrounding);
  const { caps, noNewPrivs, chdir } = rightsOf(request, environment);
  const identity = request.identity ?? daemonIdentity(plan, place);
  const child = instanceChild(instance, identity, inherited);
  return shieldBounded({
    ...programOf(request, environment.path),
    ...child,
    // Not those of whoever enters.
    groups: child.groups ?? [],
    caps,
    noNewPrivs,
    chdir,
    environment: environmentAs(identity, environment, instance).list,
    fds: new Map(request.fds.map((fd, target) => [target, fd])),
    session: request.isTerminal ? "foreground" : "new",
    oomScoreAdj: null,
    cpus: null,
    parentDeathSignal: SIGKILL,
    confinement: place.confinement,
  });
}

function programOf({ command }: EnterRequest, searchPath: string): Pick<ChildSpec, "args" | "file"> {
  if (command === null) return { args: ["sh"], file: { path: SHELL, searchPath: null } };
  return commandFile({ kind: "words", text: command.join(" "), words: command }, searchPath);
}

/**
 * The environment of a daemon there without its own variables. It begins with that of the running reeve, or
 * clean; of whoever enters there is TERM alone. What hooks have put into it (putenv) is the running reeve's
 * to know.
 */
function surroundingOf({ plan, place, start, own }: EnterRequest): ReturnType<typeof jailEnvironment> {
  const changes = plan.instance.environment;
  const { TERM, LANG } = own;
  if (start === null) return jailEnvironment({ own: { TERM, LANG }, changes });
  const begin = { ...start.environment, TERM };
  return place.environment === "clean"
    ? jailEnvironment({ own: begin, changes })
    : daemonEnvironment({ own: begin, changes, reloads: start.reloads, originalName: process.argv0 });
}

/** Those of the daemon, or of any daemon that has no keys of its own. */
function rightsOf(
  { plan, place, inherited }: EnterRequest,
  environment: Environment,
): Pick<ChildSpec, "caps" | "noNewPrivs" | "chdir"> {
  const { instance } = plan;
  const cwd = instance.chdir === null ? "/" : `/${instance.chdir}`.replace(/^\/+/, "/");
  if (place.daemon === null) {
    const { caps } = instanceChild(instance, null, inherited);
    return { caps, noNewPrivs: false, chdir: cwd };
  }
  const base = place.inJail ? cwd : "/";
  const where = { confinement: place.confinement, cwd: base };
  const { caps, noNewPrivs, chdir } = daemonChild(place.daemon, instance, 0, environment, inherited, where);
  return { caps, noNewPrivs, chdir };
}
