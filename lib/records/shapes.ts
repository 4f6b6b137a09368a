/** Shapes of what several records have: processes, how they end, jails. Data only. */
import type { JailPlan, JoinPlan, KeepMount, RootPlan } from "../config/plan/jail_plan.ts";
import type { Origin } from "../config/origin.ts";
import { type JailIdentity, NAMESPACE_KINDS, type NamespaceInodes } from "../jail/identity.ts";
import type { ExitCause, ProcessId } from "../sys/process_id.ts";
import {
  big,
  bool,
  like,
  list,
  nullable,
  object,
  oneOf,
  optional,
  type Shape,
  tagged,
  text,
  whole,
} from "./codec.ts";

export const pid = whole(2, 0x7fffffff);

export const processId = object<ProcessId>({ pid, startTime: big });

export const exitCause: Shape<ExitCause> = tagged<ExitCause>({
  exited: { code: whole(0, 255) },
  killed: { signal: whole(0, 127) },
  unknown: {},
});

const origin = object<Origin>({ file: text, line: whole() });
const kinds = list(oneOf(NAMESPACE_KINDS));

const join: Shape<JoinPlan> = tagged<JoinPlan>({
  pid: { pid: whole(1), origin },
  path: { path: text, origin },
  socket: { path: text, origin },
});

export const jailPlan = object<JailPlan>({
  option: text,
  namespaces: kinds,
  join: list(join),
  root: nullable(object<RootPlan>({ path: text, how: oneOf(["pivot", "chroot"]), keepOld: nullable(text) })),
  hostname: nullable(text),
  keep: list(object<KeepMount>({ source: text, target: text, origin })),
  bare: bool,
  environment: oneOf(["clean", "inherit"]),
  shielded: optional(bool),
  origin,
});

const inode = optional(like(/^[0-9]{1,20}$/));

export const jailIdentity = object<JailIdentity>({
  pid,
  startTime: big,
  namespaces: object<NamespaceInodes>({
    pid: inode,
    mnt: inode,
    net: inode,
    uts: inode,
    ipc: inode,
    cgroup: inode,
    user: inode,
  }),
});
