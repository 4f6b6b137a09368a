/**
 * The native library and the helper of native/reeve.h: loaded at first use, each C type beside its symbol,
 * and the one `unwrap` that turns -errno into an exception. Only files of lib/sys/ import this, and they
 * export typed functions: a symbol or a pointer must never leave this directory.
 */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync } from "node:fs";
import { readArtefacts } from "./artefacts.ts";
import { type CallContext, SysError } from "../errno.ts";
import { imageFd } from "./image.ts";

const RESULT = FFIType.i64_fast;

// Results fit a double: descriptors, pids, byte counts, -errno. "buffer" is a typed array and never null;
// "ptr" may be null.
const SYMBOLS = {
  reeve_spawn_in: {
    args: ["i32", "i32", "buffer", "u32", "u32", "i32", "u64", "buffer"],
    returns: RESULT,
  },
  reeve_become_init: { args: ["i32", "i32", "buffer", "u32"], returns: RESULT },
  reeve_exec_self: {
    args: ["i32", "buffer", "buffer", "buffer", "buffer", "u32", "u64"],
    returns: RESULT,
  },
  reeve_sigmask: { args: ["i32", "u64"], returns: RESULT },
  reeve_hold_signals: { args: ["u64", "buffer"], returns: RESULT },
  reeve_release_signals: { args: ["u64", "buffer"], returns: RESULT },
  reeve_peek_child: { args: ["buffer"], returns: RESULT },
  reeve_reap_all: { args: ["buffer", "u32"], returns: RESULT },
  reeve_reap: { args: ["i32", "buffer"], returns: RESULT },
  reeve_pidfd_open: { args: ["i32"], returns: RESULT },
  reeve_pidfd_signal: { args: ["i32", "i32"], returns: RESULT },
  reeve_kill_group: { args: ["i32", "i32"], returns: RESULT },
  reeve_kill: { args: ["i32", "i32"], returns: RESULT },
  reeve_memfd: { args: ["buffer", "u32"], returns: RESULT },
  reeve_pipe: { args: ["buffer", "u32"], returns: RESULT },
  reeve_write: { args: ["i32", "buffer", "u64"], returns: RESULT },
  reeve_read: { args: ["i32", "buffer", "u64"], returns: RESULT },
  reeve_close: { args: ["i32"], returns: RESULT },
  reeve_dup3: { args: ["i32", "i32", "u32"], returns: RESULT },
  reeve_cloexec: { args: ["i32", "i32"], returns: RESULT },
  reeve_nonblock: { args: ["i32", "i32"], returns: RESULT },
  reeve_seal: { args: ["i32"], returns: RESULT },
  reeve_subreaper: { args: ["i32"], returns: RESULT },
  reeve_set_name: { args: ["buffer"], returns: RESULT },
  reeve_rlimit: { args: ["u32", "i32", "buffer"], returns: RESULT },
  reeve_umask: { args: ["i32"], returns: RESULT },
  reeve_clock: { args: ["i32", "buffer"], returns: RESULT },
  reeve_openat: { args: ["i32", "buffer", "u32", "u32", "u64"], returns: RESULT },
  reeve_open_in_root: { args: ["i32", "buffer", "u32", "u32", "u32"], returns: RESULT },
  reeve_pid_from_namespace: { args: ["i32", "i32"], returns: RESULT },
  reeve_mkfifoat: { args: ["i32", "buffer", "u32"], returns: RESULT },
  reeve_unlinkat: { args: ["i32", "buffer", "u32"], returns: RESULT },
  reeve_renameat: { args: ["i32", "buffer", "buffer"], returns: RESULT },
  reeve_stat: { args: ["i32", "buffer", "i32", "buffer"], returns: RESULT },
  reeve_chown: { args: ["i32", "u32", "u32"], returns: RESULT },
  reeve_flock: { args: ["i32", "i32"], returns: RESULT },
  reeve_peercred: { args: ["i32", "buffer"], returns: RESULT },
  reeve_peergroups: { args: ["i32", "buffer", "u32"], returns: RESULT },
  reeve_notify: { args: ["buffer", "buffer", "u32"], returns: RESULT },
  reeve_datagram_socket: { args: ["buffer"], returns: RESULT },
  reeve_send: { args: ["i32", "buffer", "u64"], returns: RESULT },
  reeve_isatty: { args: ["i32"], returns: RESULT },
  reeve_getpgid: { args: ["i32"], returns: RESULT },
  reeve_pty_open: { args: ["i32"], returns: RESULT },
  reeve_pty_peer: { args: ["i32"], returns: RESULT },
  reeve_terminal_settings: { args: ["i32", "i32", "buffer"], returns: RESULT },
  reeve_window_size: { args: ["i32", "i32", "buffer"], returns: RESULT },
  reeve_dumpable: { args: ["i32"], returns: RESULT },
  reeve_listen: { args: ["buffer", "u32", "u32"], returns: RESULT },
  reeve_accept: { args: ["i32"], returns: RESULT },
  reeve_connect: { args: ["buffer"], returns: RESULT },
  reeve_send_fds: { args: ["i32", "buffer", "u32", "buffer", "u32"], returns: RESULT },
  reeve_recv_fds: { args: ["i32", "buffer", "u32", "buffer", "buffer", "u32"], returns: RESULT },
  reeve_namespace_kind: { args: ["i32"], returns: RESULT },
  reeve_inotify: { args: [], returns: RESULT },
  reeve_inotify_add: { args: ["i32", "buffer", "u32"], returns: RESULT },
  reeve_inotify_rm: { args: ["i32", "i32"], returns: RESULT },
  reeve_epoll: { args: [], returns: RESULT },
  reeve_watch_start: { args: ["i32", "i32"], returns: RESULT },
  reeve_watch_add: { args: ["i32", "i32", "u64"], returns: RESULT },
  reeve_watch_again: { args: ["i32", "i32", "u64"], returns: RESULT },
  reeve_watch_remove: { args: ["i32", "i32"], returns: RESULT },
  reeve_mount: { args: ["buffer", "buffer", "buffer", "u64", "ptr"], returns: RESULT },
  reeve_umount: { args: ["buffer", "u32"], returns: RESULT },
  reeve_sethostname: { args: ["buffer"], returns: RESULT },
  reeve_probe: { args: ["u32"], returns: RESULT },
  reeve_probe_namespaces: { args: ["u64"], returns: RESULT },
} as const;

type Symbols = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

interface Native {
  readonly symbols: Symbols;
  /** The helper, ready for execveat; close-on-exec, open for the life of the process. */
  readonly helperFd: number;
}

let loaded: Native | null = null;

function load(): Native {
  if (loaded !== null) return loaded;
  const artefacts = readArtefacts();
  const library = imageFd("libreeve.so", artefacts.library);
  try {
    const { symbols } = dlopen(`/proc/self/fd/${library}`, SYMBOLS);
    loaded = { symbols, helperFd: imageFd("helper", artefacts.helper) };
  } finally {
    closeSync(library);
  }
  return loaded;
}

/** The library's functions. Arguments must have passed checks.ts. */
export function native(): Symbols {
  return (loaded ?? load()).symbols;
}

export function helperFd(): number {
  return (loaded ?? load()).helperFd;
}

/** The result of a call when it is none of -errno; throws SysError with `context` otherwise. */
export function unwrap(call: string, result: number | bigint, context?: CallContext): number {
  const value = Number(result);
  if (value < 0) throw new SysError(call, -value, context);
  return value;
}

/** As `unwrap`, but errno names in `expected` give null. */
export function unwrapUnless(
  expected: readonly number[],
  call: string,
  result: number | bigint,
  context?: CallContext,
): number | null {
  const value = Number(result);
  return value < 0 && expected.includes(-value) ? null : unwrap(call, value, context);
}
