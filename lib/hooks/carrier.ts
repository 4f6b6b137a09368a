/**
 * Has one built-in hook action carried out by whoever has the rights for it: reeve itself, a child of the
 * instance's user, or, for what concerns a jail's mounts and host name, a child that joins the jail, does it
 * and ends. Never runs reeve's own executable inside a jail, where it could be tampered with.
 */
import type { Command, Identity } from "../config/plan/daemon_plan.ts";
import type { Hook } from "../config/plan/hook_plan.ts";
import { errorText } from "../sys/error_text.ts";
import { changeEnvironment, type Environment } from "../process/environment.ts";
import { describeAction, mountSource, performAction, type SystemAction } from "./actions.ts";
import { HOOK_VARIABLE, packHookRequest } from "./child.ts";
import { HIDDEN } from "./messages.ts";
import { HOOK_WORD } from "./word.ts";
import type { HookDeps } from "./deps.ts";
import type { CommandEnd } from "../process/command_runner.ts";
import { mountSteps, umountStep } from "./mount_flags.ts";

/** Where a hook acts and as whom. */
export interface HookPlace {
  /** null: with reeve's own rights. */
  readonly identity: Identity | null;
  readonly environment: Environment;
  readonly cwd: string;
  readonly umask: number | null;
  /** In the jail. */
  readonly inside: boolean;
  readonly signal: AbortSignal;
}

/** The root of the jail as the child that works in the user's name has it. */
const ROOT_FD = 3;

/** Rejects with an Error whose text is for the log, or with the signal's reason. */
export async function carryOut(
  hook: Hook,
  action: SystemAction,
  place: HookPlace,
  world: HookDeps,
): Promise<void> {
  if (!place.inside) return await carryOutWith(hook, action, place, null, world);
  if (action.kind === "mount" || action.kind === "umount" || action.kind === "hostname") {
    return await changeJail(action, place, world);
  }
  const found = world.jail();
  if (found === null) throw new Error(`cannot ${describeAction(action)}: the jail does not run`);
  await carryOutWith(hook, action, place, found.rootFd, world);
}

async function carryOutWith(
  hook: Hook,
  action: SystemAction,
  place: HookPlace,
  root: number | null,
  world: HookDeps,
): Promise<void> {
  const { cwd, umask, identity } = place;
  if (identity === null) (world.perform ?? performAction)(action, { cwd, umask, root });
  else await performAs(hook, action, place, root, world);
}

/** The child works outside, on the root's descriptor alone. */
async function performAs(
  hook: Hook,
  action: SystemAction,
  place: HookPlace,
  root: number | null,
  world: HookDeps,
): Promise<void> {
  const { cwd, umask, identity, signal } = place;
  const context = { cwd, umask, root: root === null ? null : ROOT_FD };
  const packed = packHookRequest({ action, context, format: world.format, hidden: isHidden(hook) });
  const environment = changeEnvironment(place.environment, [{ name: HOOK_VARIABLE, value: packed }]);
  const words = [...world.self, HOOK_WORD];
  const command: Command = { kind: "words", text: words.join(" "), words };
  let end: CommandEnd;
  try {
    end = await world.runCommand(command, {
      identity,
      environment,
      cwd: root === null ? cwd : "/",
      signal,
      inside: false,
      ...(root === null ? {} : { fds: new Map([[ROOT_FD, root]]) }),
    });
  } catch (problem) {
    signal.throwIfAborted();
    throw new Error(`cannot run hook "${hook.shown}": ${errorText(problem)}`, { cause: problem });
  }
  signal.throwIfAborted();
  if (end.kind !== "exited" || end.code !== 0) throw new Error(`hook "${hook.shown}" failed`);
}

async function changeJail(
  action: Extract<SystemAction, { kind: "mount" | "umount" | "hostname" }>,
  { cwd, identity, signal }: HookPlace,
  world: HookDeps,
): Promise<void> {
  const doing = `cannot ${describeAction(action)}`;
  if (identity !== null) throw new Error(`${doing}: only root may; use a hook of the phase as-root`);
  const at = (path: string): string => path.startsWith("/") ? path : `${cwd}/${path}`;
  try {
    switch (action.kind) {
      case "hostname":
        return await world.changeJail({ mounts: [], hostname: action.name }, signal);
      case "umount": {
        const mounts = [umountStep({ ...action, target: at(action.target) })];
        return await world.changeJail({ mounts, hostname: null }, signal);
      }
      case "mount": {
        const [first, ...rest] = mountSteps({
          ...action,
          source: mountSource(action.source, at),
          target: at(action.target),
        });
        await world.changeJail({ mounts: [first], hostname: null }, signal);
        if (rest.length === 0) return;
        try {
          return await world.changeJail({ mounts: rest, hostname: null }, signal);
        } catch (problem) {
          // A mount that should be private must not stay shared.
          const undo = umountStep({ target: first.target, flags: ["detach"] });
          await world.changeJail({ mounts: [undo], hostname: null }, signal).catch(() => {});
          throw problem;
        }
      }
    }
  } catch (problem) {
    signal.throwIfAborted();
    throw new Error(`${doing}: ${errorText(problem)}`, { cause: problem });
  }
}

function isHidden(hook: Hook): boolean {
  return hook.shown === HIDDEN;
}
