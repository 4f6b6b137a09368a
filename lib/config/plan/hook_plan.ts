/** The hooks of a configuration, and the waits before the start. Types only, part of the Plan. */
import type { Origin } from "../origin.ts";

export type HookPhase =
  | "asap"
  | "pre-jail"
  | "post-jail"
  | "in-jail"
  | "as-root"
  | "as-user"
  | "pre-app"
  | "post-app"
  | "as-user-atexit"
  | "master-start"
  | "accepting";

export type HookAction =
  | { readonly kind: "exec"; readonly command: string; readonly mayFail: boolean }
  | { readonly kind: "chdir"; readonly path: string }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "putenv"; readonly name: string; readonly value: string }
  | { readonly kind: "chmod"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "chown";
    readonly path: string;
    readonly owner: string;
    readonly group: string;
    readonly follow: boolean;
  }
  | { readonly kind: "sticky"; readonly path: string }
  | { readonly kind: "create"; readonly path: string }
  | {
    readonly kind: "write";
    readonly path: string;
    readonly text: string;
    readonly append: boolean;
    readonly newline: boolean;
  }
  | { readonly kind: "writefifo"; readonly path: string; readonly text: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "hostname"; readonly name: string }
  | { readonly kind: "wait"; readonly what: WaitKind; readonly target: string }
  | { readonly kind: "unix_signal"; readonly pid: string; readonly signal: number }
  | {
    readonly kind: "mount";
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly flags: readonly string[];
    readonly data: string | null;
  }
  | { readonly kind: "umount"; readonly target: string; readonly flags: readonly string[] }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "print"; readonly text: string };

export interface Hook {
  readonly phase: HookPhase;
  readonly action: HookAction;
  /** For the log: as written, with its secrets masked; "[hidden]" where it was written with a leading '!'. */
  readonly shown: string;
  readonly origin: Origin;
}

export type WaitKind = "fs" | "file" | "dir" | "mountpoint" | "socket" | "interface";
export interface Wait {
  readonly what: WaitKind;
  readonly target: string;
  /** Seconds; 0: for ever. */
  readonly timeout: number;
  readonly origin: Origin;
}

export interface Wait {
  readonly what: WaitKind;
  readonly target: string;
  /** Seconds; 0: for ever. */
  readonly timeout: number;
  readonly origin: Origin;
}
