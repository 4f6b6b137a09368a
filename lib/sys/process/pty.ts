/**
 * Pseudo-terminals of whatever root, and the settings of terminals. Must never open a device that was not
 * proved to be a devpts's multiplexer: what stands in a jail's /dev may be anything.
 */
import { fileDescriptor, integer, userId } from "../checks.ts";
import { closeFd } from "../file/descriptor.ts";
import { openInRoot } from "../file/files.ts";
import { native, unwrap, unwrapUnless } from "../native/native.ts";
import { EAGAIN, EINTR } from "../native/constants.ts";

export interface Pty {
  /** Ours: non-blocking, close-on-exec. */
  readonly master: number;
  /** The child's: close-on-exec, nobody's controlling terminal. */
  readonly slave: number;
}

/** struct winsize of the kernel. */
export type WindowSize = Uint8Array;
/** struct termios of the kernel. */
export type TerminalSettings = Uint8Array;

const SETTINGS_SIZE = 36;
const WINDOW_SIZE = 8;

/**
 * A pair of the devpts at /dev/pts beneath `root`, which belongs to `owner`: then the name that the program
 * inside has for its terminal is one that it can open. Throws SysError (ENOENT: there is no devpts, ENODEV:
 * it is something else).
 */
export function openPty(root: number, owner: { readonly uid: number; readonly gid: number }): Pty {
  const ptmx = openInRoot(root, "/dev/pts/ptmx", { followLast: false, access: "name" });
  let master = -1;
  try {
    master = unwrap("open", native().reeve_pty_open(ptmx), { doing: "open", path: "/dev/pts/ptmx" });
    const slave = unwrap("ioctl", native().reeve_pty_peer(master), {
      doing: "open the other end of a pseudo-terminal",
    });
    const uid = userId(owner.uid, "uid");
    // A devpts may be mounted so that nothing in it changes hands: the terminal works all the same.
    native().reeve_chown(slave, uid, NO_CHANGE);
    return { master, slave };
  } catch (error) {
    if (master >= 0) closeFd(master);
    throw error;
  } finally {
    closeFd(ptmx);
  }
}

/** (gid_t) -1: the group is that of the mount, "tty" where it has one. */
const NO_CHANGE = 0xffff_ffff;

/**
 * How many of the bytes a terminal has taken; null: it has no room, and does not block. Throws SysError (EIO:
 * it has hung up).
 */
export function writeTerminal(fd: number, bytes: Uint8Array): number | null {
  const result = native().reeve_write(fileDescriptor(fd), bytes, bytes.length);
  return unwrapUnless([EAGAIN, EINTR], "write", result, { doing: "write to a terminal" });
}

/**
 * All of them, however long that takes: somebody may have made the person's terminal non-blocking. Throws
 * SysError (EIO, EPIPE).
 */
export function showOnTerminal(fd: number, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    const taken = writeTerminal(fd, rest);
    if (taken === null) Bun.sleepSync(NO_ROOM_MS);
    else rest = rest.subarray(taken);
  }
}

const NO_ROOM_MS = 2;

/** Throws SysError (ENOTTY). */
export function readTerminal(fd: number): TerminalSettings {
  const settings = new Uint8Array(SETTINGS_SIZE);
  unwrap("ioctl", native().reeve_terminal_settings(fileDescriptor(fd), 0, settings), {
    doing: "read the settings of a terminal",
  });
  return settings;
}

/** Throws SysError (ENOTTY; EIO: it has hung up). */
export function setTerminal(fd: number, settings: TerminalSettings): void {
  integer(settings.length, "size of terminal settings", SETTINGS_SIZE, SETTINGS_SIZE);
  unwrap("ioctl", native().reeve_terminal_settings(fileDescriptor(fd), 1, settings), {
    doing: "change the settings of a terminal",
  });
}

/** Throws SysError (ENOTTY). */
export function readWindowSize(fd: number): WindowSize {
  const size = new Uint8Array(WINDOW_SIZE);
  unwrap("ioctl", native().reeve_window_size(fileDescriptor(fd), 0, size), {
    doing: "read the size of a terminal",
  });
  return size;
}

/** The foreground group of that terminal gets SIGWINCH where it changed. Throws SysError. */
export function setWindowSize(fd: number, size: WindowSize): void {
  integer(size.length, "size of a window's size", WINDOW_SIZE, WINDOW_SIZE);
  unwrap("ioctl", native().reeve_window_size(fileDescriptor(fd), 1, size), {
    doing: "change the size of a terminal",
  });
}

// Bits of termios(3), the same on x86-64 and arm64.
// IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
const INPUT_CHANGES = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
const OPOST = 0o1;
const CSIZE_PARENB = 0o60 | 0o400;
const CS8 = 0o60;
// ECHO ECHONL ICANON ISIG IEXTEN
const LINE_EDITING = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
// The place of c_cc, behind four words and c_line.
const VTIME = 17 + 5;
const VMIN = 17 + 6;

/** As cfmakeraw(3): every byte as it comes, none of them a signal. */
export function rawSettings(settings: TerminalSettings): TerminalSettings {
  const raw = settings.slice();
  const view = new DataView(raw.buffer);
  const change = (at: number, off: number, on = 0): void =>
    view.setUint32(at, (view.getUint32(at, true) & ~off | on) >>> 0, true);
  change(0, INPUT_CHANGES);
  change(4, OPOST);
  change(8, CSIZE_PARENB, CS8);
  change(12, LINE_EDITING);
  raw[VMIN] = 1;
  raw[VTIME] = 0;
  return raw;
}
