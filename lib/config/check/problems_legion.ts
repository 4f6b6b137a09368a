/**
 * Files and directories that legions and the servers of statistics and of namespaces need on this system. It
 * looks and changes nothing.
 */
import type { Diagnostics, Severity } from "../diagnostic.ts";
import type { EtcdTransportPlan, LegionPlan } from "../plan/legion_plan.ts";
import type { Origin } from "../origin.ts";
import type { Plan } from "../plan/plan.ts";
import { join } from "../system/programs.ts";
import type { PlanDeps } from "../system/plan_deps.ts";

/** `missing`: how bad it is that something is not there now; hooks that run before may bring it. */
export function findLegionProblems(
  plan: Plan,
  system: PlanDeps,
  missing: Severity,
  diagnostics: Diagnostics,
): void {
  const look = new Look(system, missing, diagnostics);
  for (const legion of plan.instance.legions) {
    if (legion.transport.kind === "etcd") {
      checkEtcd(legion, legion.transport, look);
      if (legion.valor > 0 && system.uid !== 0) {
        const why = "what runs under its lease needs a PID namespace, and reeve is not root";
        diagnostics.warning(`legion "${legion.name}" cannot be lord here: ${why}`, legion.origin);
      }
    } else if (legion.transport.listen.kind === "unix") {
      look.checkSocket(legion.transport.listen.path, `legion "${legion.name}"`, legion.origin);
    }
  }
  const { setnsServer, stats, controlPath, origins } = plan.instance;
  if (stats?.address.kind === "unix") look.checkSocket(stats.address.path, "stats", stats.origin);
  const controlOrigin = origins?.["control-path"];
  if (controlPath !== null && controlOrigin !== undefined) {
    look.checkSocket(
      join(system.cwd, controlPath),
      "control-path",
      controlOrigin,
    );
  }
  if (setnsServer !== null) {
    look.checkSocket(join(system.cwd, setnsServer.path), "setns-socket", setnsServer.origin);
  }
}

function checkEtcd({ name, origin }: LegionPlan, { user, tls }: EtcdTransportPlan, look: Look): void {
  if (user !== null) look.checkFile(user.passwordFile, `password file of legion "${name}"`, origin, true);
  if (tls.ca !== null) look.checkFile(tls.ca, `ca of legion "${name}"`, origin, false);
  if (tls.cert !== null) look.checkFile(tls.cert, `cert of legion "${name}"`, origin, false);
  if (tls.key !== null) look.checkFile(tls.key, `key of legion "${name}"`, origin, true);
}

class Look {
  readonly #system: PlanDeps;
  readonly #missing: Severity;
  readonly #diagnostics: Diagnostics;

  constructor(system: PlanDeps, missing: Severity, diagnostics: Diagnostics) {
    this.#system = system;
    this.#missing = missing;
    this.#diagnostics = diagnostics;
  }

  /**
   * The name of the file may be a secret that was written in its place: it is not shown unless there is such
   * a file.
   */
  checkFile(path: string, what: string, origin: Origin, isSecret: boolean): void {
    const status = this.#system.stat(path);
    const shown = isSecret && status === null ? "" : ` "${path}"`;
    if (status === null) {
      this.#diagnostics[this.#missing](`cannot read the ${what}${shown}: no such file`, origin);
    } else if (status.kind !== "file") {
      this.#diagnostics.error(`cannot read the ${what}${shown}: it is a ${status.kind}`, origin);
    } else if (isSecret && (status.mode & 0o007) !== 0) {
      this.#diagnostics.warning(`everybody may look at the ${what}${shown}: chmod 600 ${path}`, origin);
    }
  }

  checkSocket(path: string, what: string, origin: Origin): void {
    const directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const status = this.#system.stat(directory);
    const own = this.#system.stat(path);
    // Where a stranger is in the way the socket alone is missing, until that is gone.
    const severity = (this.#system.strangerOn?.(path) ?? null) === null ? "error" : "warning";
    if (status === null) {
      this.#diagnostics[this.#missing](
        `cannot make the socket "${path}" of ${what}: no such directory: "${directory}", make it first`,
        origin,
      );
    } else if (status.kind !== "directory") {
      this.#diagnostics[severity](
        `cannot make the socket "${path}" of ${what}: "${directory}" is no directory`,
        origin,
      );
    } else if (own !== null && own.kind !== "socket") {
      this.#diagnostics[severity](
        `cannot make the socket "${path}" of ${what}: a ${own.kind} has this name`,
        origin,
      );
    } else if (!this.#system.canWrite(directory)) {
      this.#diagnostics.error(
        `cannot make the socket "${path}" of ${what}: "${directory}" is not writable for reeve`,
        origin,
      );
    }
  }
}
