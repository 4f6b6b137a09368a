/**
 * The environment of daemons and hooks, from reeve's own and the configuration. Pure. No variable of reeve's
 * own machinery, and none that speaks to reeve alone, may reach a daemon.
 */
import type { Identity } from "../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";

/**
 * Addressed to the process that the service manager started, which is reeve: a daemon that read them would
 * notify in reeve's name (NOTIFY_SOCKET, WATCHDOG_*), take descriptors that it has not (LISTEN_*), or log
 * past reeve (JOURNAL_STREAM is checked by inode and stays: it is true for the daemon too as long as it
 * shares stderr).
 */
const FOR_REEVE_ALONE = [
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
  "LISTEN_PID",
  "LISTEN_PIDFDID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "MAINPID",
  "MANAGERPID",
];

/** Every variable by which one image of reeve speaks to the next begins so. */
export const MACHINERY_PREFIX = "REEVE_INTERNAL_";

/** Where nobody set a PATH: a container without one, a bare init. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentRequest {
  /** reeve's own, as it was started. */
  readonly own: Readonly<Record<string, string | undefined>>;
  readonly changes: InstancePlan["environment"];
  /** How often the instance was reloaded: UWSGI_RELOADS. */
  readonly reloads: number;
  /** argv[0] of reeve: UWSGI_ORIGINAL_PROC_NAME. */
  readonly originalName: string;
}

/** For ChildSpec. */
export interface Environment {
  /** NAME=value, each name once. */
  readonly list: readonly string[];
  /** Where commands without a slash are looked for. */
  readonly path: string;
  /** Names that the configuration, or a hook, has set or removed; absent: none. */
  readonly said?: ReadonlySet<string>;
}

/** The variables of reeve's own that a jail gets: how its output is read, and nothing of where it runs. */
const FOR_JAILS = ["TERM", "LANG"] as const;

/**
 * Inside a jail that begins clean: a PATH that holds in any root, TERM, LANG, and what the configuration
 * says.
 */
export function jailEnvironment({ own, changes }: Pick<EnvironmentRequest, "own" | "changes">): Environment {
  const variables = new Map([["PATH", DEFAULT_PATH]]);
  for (const name of FOR_JAILS) {
    const value = own[name];
    if (value !== undefined) variables.set(name, value);
  }
  return withChanges(variables, changes);
}

export function daemonEnvironment(request: EnvironmentRequest): Environment {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(request.own)) {
    if (value === undefined || name === "" || name.startsWith(MACHINERY_PREFIX)) continue;
    variables.set(name, value);
  }
  for (const name of FOR_REEVE_ALONE) variables.delete(name);
  // uWSGI 2.0 sets these two before it applies env and unenv.
  variables.set("UWSGI_RELOADS", String(request.reloads));
  variables.set("UWSGI_ORIGINAL_PROC_NAME", request.originalName);
  return withChanges(variables, request.changes);
}

/** An environment with further changes on top: those that hooks made (putenv). */
export function changeEnvironment(base: Environment, changes: InstancePlan["environment"]): Environment {
  return withChanges(variablesOf(base), changes, base.said);
}

/**
 * HOME, USER, LOGNAME and SHELL of whom a child runs as, where a uid says who that is: a program that finds
 * root's would look for its files where it may not read. What the configuration or a hook has said of them
 * stays.
 */
export function userEnvironment(base: Environment, identity: Identity | null): Environment {
  const login = identity?.login;
  if (login === undefined) return base;
  const { name, home, shell } = login;
  const variables = variablesOf(base);
  for (const [variable, value] of Object.entries({ HOME: home, USER: name, LOGNAME: name, SHELL: shell })) {
    if (base.said?.has(variable) !== true) setOrRemove(variables, variable, value);
  }
  return withChanges(variables, [], base.said);
}

export function variablesOf({ list }: Environment): Map<string, string> {
  return new Map(list.map((entry) => {
    const equals = entry.indexOf("=");
    return [entry.slice(0, equals), entry.slice(equals + 1)];
  }));
}

function withChanges(
  variables: Map<string, string>,
  changes: InstancePlan["environment"],
  said: ReadonlySet<string> = new Set(),
): Environment {
  for (const { name, value } of changes) setOrRemove(variables, name, value);
  return {
    list: [...variables].map(([name, value]) => `${name}=${value}`),
    path: variables.get("PATH") ?? DEFAULT_PATH,
    said: new Set([...said, ...changes.map(({ name }) => name)]),
  };
}

function setOrRemove(variables: Map<string, string>, name: string, value: string | null): void {
  if (value === null) variables.delete(name);
  else variables.set(name, value);
}
