/** The instance's own settings, every default filled in. Pure. */
import type { JailPlan } from "../plan/jail_plan.ts";
import type { Origin } from "../origin.ts";
import { planControlAllow } from "./control.ts";
import { checkName } from "../values/name.ts";
import { instanceNames } from "../language/instance_names.ts";
import { forbidsMounts, planCapabilities } from "../values/capabilities.ts";
import { planEnvironment } from "./environment.ts";
import { planHooks, planTouchExec } from "./hooks.ts";
import { resolveIdentity, type Written } from "../system/identity.ts";
import { planSetnsServer } from "./jail/jail.ts";
import type { LegionPlan } from "../plan/legion_plan.ts";
import { planLog } from "./log.ts";
import type { OptionReader } from "../values/options.ts";
import type { Identity } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { PlanDeps, SystemLook } from "../system/plan_deps.ts";
import { instanceView } from "../system/root_view.ts";
import { planStats } from "./stats.ts";
import { planWaits } from "./waits.ts";
import { quote } from "../problem.ts";
import type { UserDatabase } from "../users.ts";
import { parseMode, readNumber } from "../values/values.ts";

/** uWSGI 2.0: seconds from the stop signal of a daemon to SIGKILL. */
const DEFAULT_RELOAD_MERCY = 3;
const MEGABYTE = 1024 * 1024;
/** Where none of the binsh options can be executed. */
const DEFAULT_SHELL = "/bin/sh";
/** uWSGI 2.0: slots 0 to 9. */
const MOST_FIFOS = 10;

/** Options whose last line is told, for `origins`. */
const SCALARS: ReadonlySet<string> = new Set(
  ("instance-name run-dir state-dir control-path uid gid umask chdir vacuum daemonize daemonize2 logto logto2 " +
    "log-format log-date log-prefix log-maxsize log-backupname log-truncate log-reopen logfile-chown logfile-chmod " +
    "reload-mercy exit-on-reload sigterm-reloads user-env " +
    "touch-reload touch-logreopen touch-logrotate limit-as limit-nproc prio cpu-affinity cap procname-prefix procname-prefix-spaced")
    .split(" "),
);

export interface InstanceOptions {
  readonly reader: OptionReader;
  /** The first FILE as it was named, which names the instance where instance-name does not. */
  readonly asked: string;
  readonly jail: JailPlan | null;
  readonly legions: readonly LegionPlan[];
  readonly users: UserDatabase;
  readonly system: PlanDeps;
}

export function planInstance(parts: InstanceOptions): InstancePlan {
  const { reader, asked, jail, legions, users, system } = parts;
  const caps = planCapabilities(reader);
  return {
    ...planNames(reader, asked, system.cwd),
    runDir: reader.text("run-dir"),
    identity: instanceIdentity(reader, users, system),
    umask: planUmask(reader),
    chdir: reader.text("chdir"),
    environment: planEnvironment(reader, system),
    pidfiles: planPidfiles(reader),
    vacuum: reader.flag("vacuum"),
    daemonize: reader.last("daemonize", "daemonize2") !== null,
    log: planLog(reader),
    reloadMercy: reader.seconds("reload-mercy") ?? DEFAULT_RELOAD_MERCY,
    exitOnReload: reader.flag("exit-on-reload"),
    sigtermReloads: reader.flag("sigterm-reloads"),
    userEnvironment: planUserEnvironment(reader),
    touchReload: reader.texts("touch-reload"),
    touchLogReopen: reader.texts("touch-logreopen"),
    touchLogRotate: reader.texts("touch-logrotate"),
    touchExec: planTouchExec(reader),
    fsReload: reader.texts("fs-reload"),
    hooks: planHooks(reader, jail !== null),
    waits: planWaits(reader),
    limitAs: planLimitAs(reader),
    limitNproc: reader.whole({ least: 1, most: 0x7fffffff }, "limit-nproc"),
    nice: reader.whole({ least: -20, most: 19 }, "prio"),
    cpuAffinity: reader.whole({ least: 1, most: 1024 }, "cpu-affinity"),
    caps,
    masterFifo: planFifos(reader),
    shell: planShell(reader, instanceView({ jail }, system)),
    procnamePrefix: planProcnamePrefix(reader),
    jail: jail !== null && forbidsMounts(caps) ? { ...jail, shielded: true } : jail,
    setnsServer: planSetnsServer(reader),
    legions,
    stats: planStats(reader, system),
    stateDir: reader.text("state-dir"),
    controlPath: reader.text("control-path"),
    controlAllow: planControlAllow(reader, system),
    origins: originsOf(reader),
  };
}

function originsOf(reader: OptionReader): NonNullable<InstancePlan["origins"]> {
  const origins: Record<string, Origin> = {};
  for (const { name, origin } of reader.options) if (SCALARS.has(name)) origins[name] = origin;
  return origins;
}

/**
 * The user of daemons and of as-user hooks. With master-as-root uWSGI's master, and so its daemons, stay root
 * and only the workers change: daemons then run as reeve itself unless they say otherwise.
 */
function instanceIdentity(reader: OptionReader, users: UserDatabase, system: PlanDeps): Identity | null {
  const request = {
    uid: reader.last("uid", "immediate-uid"),
    gid: reader.last("gid", "immediate-gid"),
    addGids: reader.all("add-gid") as readonly Written[],
    initGroups: !reader.flag("no-initgroups"),
    base: null,
  };
  const identity = resolveIdentity(request, users, system, reader.diagnostics);
  if (!reader.flag("master-as-root")) return identity;
  if (identity !== null) {
    const option = reader.last("master-as-root");
    reader.diagnostics.note(
      "master-as-root: daemons run as root unless they have a uid of their own, as under uWSGI",
      option?.origin ?? null,
    );
  }
  return null;
}

function planUserEnvironment(reader: OptionReader): InstancePlan["userEnvironment"] {
  const option = reader.last("user-env");
  if (option === null || option.value === "user") return "user";
  if (option.value === "inherit") return "inherit";
  reader.diagnostics.error(
    `user-env takes "user" or "inherit", not ${quote(option.value)}`,
    option.origin,
  );
  return "user";
}

function planNames(
  reader: OptionReader,
  asked: string,
  cwd: string,
): Pick<InstancePlan, "name" | "naming"> {
  const naming = instanceNames(asked, cwd);
  const option = reader.last("instance-name");
  if (option === null || !checkName(option.value, "instance's name", option.origin, reader.diagnostics)) {
    return { name: naming.names[0], naming };
  }
  const identity = asked === "" ? option.value : naming.identity;
  return { name: option.value, naming: { identity, names: [option.value] } };
}

function planUmask(reader: OptionReader): number | null {
  const option = reader.last("umask");
  const mask = option === null ? null : parseMode(option, reader.diagnostics);
  if (option === null || mask === null || mask <= 0o777) return mask;
  reader.diagnostics.error(
    `cannot use ${quote(option.value)} as the umask: 777 is the largest`,
    option.origin,
  );
  return null;
}

function planPidfiles(reader: OptionReader): InstancePlan["pidfiles"] {
  const names = ["pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"];
  return names.flatMap((name) => {
    const option = reader.last(name);
    if (option === null || !reader.needText(option)) return [];
    const { value: path, origin } = option;
    return [{ path, safe: name.startsWith("safe-"), asUser: name.endsWith("2"), origin }];
  });
}

/** Megabytes, fractions allowed, to bytes (uWSGI 2.0). */
function planLimitAs(reader: OptionReader): number | null {
  const option = reader.last("limit-as");
  if (option === null) return null;
  // A unit behind the number would mean another limit than uWSGI takes it for.
  const bytes = readNumber(option, /^\d+(?=\s)/, megabytesOf, reader.diagnostics);
  if (bytes !== null) return bytes;
  reader.diagnostics.error(
    `cannot use limit-as=${quote(option.value.trim())}: a number of megabytes is wanted, as in 512`,
    option.origin,
  );
  return null;
}

function megabytesOf(text: string): number | null {
  const bytes = /^\d{1,9}(?:\.\d+)?$/.test(text) ? Math.floor(Number(text) * MEGABYTE) : 0;
  return bytes > 0 ? bytes : null;
}

function planFifos(reader: OptionReader): InstancePlan["masterFifo"] {
  const fifos = reader.all("master-fifo").filter((option) => reader.needText(option));
  const extra = fifos[MOST_FIFOS];
  if (extra !== undefined) {
    reader.diagnostics.error(
      `cannot use more than ${MOST_FIFOS} master-fifo: there are slots 0 to 9`,
      extra.origin,
    );
  }
  return fifos.slice(0, MOST_FIFOS).map(({ value: path, origin }) => ({ path, origin }));
}

function planProcnamePrefix(reader: OptionReader): string | null {
  const option = reader.last("procname-prefix", "procname-prefix-spaced");
  if (option === null || option.value === "") return null;
  return option.name === "procname-prefix" ? option.value : `${option.value} `;
}

/** Where nothing can be seen of the root that it is run in, the first one. */
function planShell(reader: OptionReader, look: SystemLook | null): string {
  const shells = reader.texts("binsh");
  const isProgram = (path: string) =>
    look === null || (look.stat(path)?.kind === "file" && look.canExecute(path));
  return shells.find(isProgram) ?? DEFAULT_SHELL;
}
