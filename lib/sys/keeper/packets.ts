/**
 * The packets between keeper and core, as native/reeve.h has them. Pure. Must never pack a number that was
 * not checked, nor read beyond what came: either side may be another build.
 */
import { integer, processId, signalNumber, unsigned64 } from "../checks.ts";
import { BIRTH_FLAG, CHILD_SIGNAL, REEVE_BIRTH_FDS, REEVE_HELD_NAME, ROLE } from "../native/constants.ts";

export const HEAD_SIZE = 16;

/** One packet: its kind, its number, and its body. */
export interface Packet {
  readonly kind: number;
  readonly id: number;
  readonly body: DataView;
}

/** A child of the keeper: its place in the table, and its number, which no other child ever has. */
export interface ChildRef {
  readonly slot: number;
  readonly id: bigint;
}

/** How a core finds a child again that one before it has started. */
export interface ChildLabel {
  /** 64 bits of whose it is. */
  readonly daemon: bigint;
  readonly start: bigint;
  readonly purpose: number;
}

export interface Birth {
  readonly role: keyof typeof ROLE;
  readonly dumb: boolean;
  readonly gated: boolean;
  /** The second descriptor is the PID namespace to be born in. */
  readonly inNamespace: boolean;
  readonly newPid: boolean;
  /** COMMAND of an entrypoint: the keeper looks after its terminal. */
  readonly foreground: boolean;
  readonly label: ChildLabel;
  readonly spawnId: number;
  /** Value of the soft limit RLIMIT_LOCKS; 0: none. */
  readonly mark: bigint;
  readonly stopSignal: number;
  readonly graceMs: number;
  /** Descriptors of the child itself. */
  readonly fds: number;
}

export interface Born extends ChildRef {
  /** The slot, or a negative errno. */
  readonly result: number;
  readonly pid: number;
  /** Clock ticks since boot; 0: not known. */
  readonly startTime: bigint;
}

export interface Death extends ChildRef {
  readonly pid: number;
  /** As wait(2) has it. */
  readonly status: number;
  /** The step that failed before the child was its program; 0: none did. */
  readonly stage: number;
  readonly errno: number;
  readonly detail: number;
}

export interface Welcome {
  readonly version: number;
  readonly generation: number;
  readonly reason: number;
  readonly status: number;
  readonly keeperPid: number;
  readonly birthBase: number;
  readonly birthFds: number;
  readonly flags: number;
  readonly held: number;
  readonly openFiles: { readonly soft: bigint; readonly hard: bigint };
}

const CLONE_NEWPID = 0x2000_0000n;
const REF_SIZE = 16;
const DEATH_SIZE = 32;
const ORPHAN_SIZE = 8;
const BUILD_SIZE = 32;

/** `body`: its bytes; null: none. */
export function pack(kind: number, id: number, body: Uint8Array | null): Uint8Array {
  const size = HEAD_SIZE + (body?.length ?? 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, size, true);
  view.setBigUint64(8, BigInt(id), true);
  if (body !== null) bytes.set(body, HEAD_SIZE);
  return bytes;
}

/** Throws RangeError for what no keeper says. The body is a view of `bytes`. */
export function unpack(bytes: Uint8Array): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_SIZE || view.getUint32(4, true) !== bytes.length) {
    throw new RangeError(`a packet of ${bytes.length} bytes is none of the keeper's`);
  }
  const body = new DataView(bytes.buffer, bytes.byteOffset + HEAD_SIZE, bytes.byteLength - HEAD_SIZE);
  return { kind: view.getUint32(0, true), id: Number(view.getBigUint64(8, true)), body };
}

export function packHello(build: string): Uint8Array {
  const bytes = new Uint8Array(BUILD_SIZE);
  new TextEncoder().encodeInto(build, bytes);
  return bytes;
}

export function packBirth(birth: Birth): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  const flags = (birth.dumb ? BIRTH_FLAG.dumb : 0) | (birth.gated ? BIRTH_FLAG.gated : 0) |
    (birth.inNamespace ? BIRTH_FLAG.pidNamespace : 0) |
    (birth.inNamespace && birth.newPid ? BIRTH_FLAG.nested : 0) |
    (birth.foreground ? BIRTH_FLAG.foreground : 0);
  view.setUint32(0, ROLE[birth.role], true);
  view.setUint32(4, flags, true);
  view.setBigUint64(8, birth.newPid && !birth.inNamespace ? CLONE_NEWPID : 0n, true);
  setLabel(view, 16, birth.label);
  view.setBigUint64(40, unsigned64(BigInt(birth.spawnId), "spawn id"), true);
  view.setBigUint64(48, unsigned64(birth.mark, "birthmark"), true);
  view.setUint32(56, signalNumber(birth.stopSignal), true);
  view.setUint32(60, integer(birth.graceMs, "grace", 0, 0xffff_ffff), true);
  view.setUint32(64, integer(birth.fds, "count of descriptors", 0, REEVE_BIRTH_FDS), true);
  return bytes;
}

function setLabel(view: DataView, at: number, { daemon, start, purpose }: ChildLabel): void {
  view.setBigUint64(at, BigInt.asUintN(64, daemon), true);
  view.setBigUint64(at + 8, BigInt.asUintN(64, start), true);
  view.setUint32(at + 16, integer(purpose, "purpose", 0, 0xffff_ffff), true);
}

function setRef(view: DataView, at: number, { slot, id }: ChildRef): void {
  view.setUint32(at, integer(slot, "slot", 0, 0xffff_ffff), true);
  view.setBigUint64(at + 8, unsigned64(id, "child"), true);
}

export function packRef(ref: ChildRef): Uint8Array {
  const bytes = new Uint8Array(REF_SIZE);
  setRef(new DataView(bytes.buffer), 0, ref);
  return bytes;
}

export function packRefs(refs: readonly ChildRef[]): Uint8Array {
  const bytes = new Uint8Array(8 + REF_SIZE * refs.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, refs.length, true);
  refs.forEach((ref, at) => setRef(view, 8 + at * REF_SIZE, ref));
  return bytes;
}

export interface SignalOptions {
  /** To its process group, where it leads one. */
  readonly group: boolean;
  /** CONT behind it. */
  readonly goOn: boolean;
}

export function packSignal(ref: ChildRef, signal: number, { group, goOn }: SignalOptions): Uint8Array {
  const bytes = new Uint8Array(REF_SIZE + 8);
  const view = new DataView(bytes.buffer);
  setRef(view, 0, ref);
  view.setUint32(16, integer(signal, "signal", 0, 64), true);
  view.setUint32(20, (group ? CHILD_SIGNAL.group : 0) | (goOn ? CHILD_SIGNAL.continue : 0), true);
  return bytes;
}

export interface Adoption {
  readonly pid: number;
  readonly startTime: bigint;
  readonly dumb: boolean;
  readonly label: ChildLabel;
  readonly mark: bigint;
  readonly stopSignal: number;
  readonly graceMs: number;
}

export function packAdoption(adoption: Adoption): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, processId(adoption.pid), true);
  view.setUint32(4, adoption.dumb ? BIRTH_FLAG.dumb : 0, true);
  view.setBigUint64(8, unsigned64(adoption.startTime, "start time"), true);
  setLabel(view, 16, adoption.label);
  view.setBigUint64(40, unsigned64(adoption.mark, "birthmark"), true);
  view.setUint32(48, signalNumber(adoption.stopSignal), true);
  view.setUint32(52, integer(adoption.graceMs, "grace", 0, 0xffff_ffff), true);
  return bytes;
}

/** The name under which a descriptor is held: 1 to 47 bytes. */
export function packName(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  if (text.length === 0 || text.length >= REEVE_HELD_NAME || text.includes(0)) {
    throw new RangeError(`${JSON.stringify(name)} is no name for a descriptor`);
  }
  const bytes = new Uint8Array(REEVE_HELD_NAME);
  bytes.set(text);
  return bytes;
}

export function packNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setInt32(0, integer(number, "number", -0x8000_0000, 0x7fff_ffff), true);
  return bytes;
}

/** The name of a process in ps: 15 bytes of it. */
export function packProcessName(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}

function wanted({ kind, body }: Packet, size: number): DataView {
  if (body.byteLength < size) {
    throw new RangeError(`packet ${kind} of the keeper is ${body.byteLength} bytes short`);
  }
  return body;
}

export function readWelcome(packet: Packet): Welcome {
  const body = wanted(packet, 56);
  return {
    version: body.getUint32(0, true),
    generation: body.getUint32(4, true),
    reason: body.getUint32(8, true),
    status: body.getInt32(12, true),
    keeperPid: processId(body.getInt32(16, true)),
    birthBase: body.getUint32(20, true),
    birthFds: body.getUint32(24, true),
    flags: body.getUint32(28, true),
    held: body.getUint32(32, true),
    openFiles: { soft: body.getBigUint64(40, true), hard: body.getBigUint64(48, true) },
  };
}

/** The result that an answer has: >= 0, or a negative errno. */
export function readAnswer(packet: Packet): number {
  return Number(wanted(packet, 8).getBigInt64(0, true));
}

export function readBorn(packet: Packet): Born {
  const body = wanted(packet, 32);
  const result = Number(body.getBigInt64(0, true));
  return {
    result,
    slot: Math.max(result, 0),
    id: body.getBigUint64(8, true),
    pid: body.getInt32(16, true),
    startTime: body.getBigUint64(24, true),
  };
}

export function readDeaths(packet: Packet): readonly Death[] {
  const body = wanted(packet, 8);
  const count = body.getUint32(0, true);
  wanted(packet, 8 + count * DEATH_SIZE);
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + index * DEATH_SIZE;
    return {
      slot: body.getUint32(at, true),
      pid: body.getInt32(at + 4, true),
      id: body.getBigUint64(at + 8, true),
      status: body.getInt32(at + 16, true),
      stage: body.getUint32(at + 20, true),
      errno: body.getInt32(at + 24, true),
      detail: body.getUint32(at + 28, true),
    };
  });
}

export interface Orphan {
  readonly pid: number;
  /** As wait(2) has it. */
  readonly status: number;
}

/** The orphans that were reaped since the last packet: how many, and the last of them. */
export function readOrphans(packet: Packet): { readonly count: number; readonly listed: readonly Orphan[] } {
  const body = wanted(packet, 8);
  const length = body.getUint32(4, true);
  wanted(packet, 8 + length * ORPHAN_SIZE);
  return {
    count: body.getUint32(0, true),
    listed: Array.from({ length }, (_, index) => ({
      pid: body.getInt32(8 + index * ORPHAN_SIZE, true),
      status: body.getInt32(12 + index * ORPHAN_SIZE, true),
    })),
  };
}

/** The numbers of the signals that a packet tells of. */
export function readSignals(packet: Packet): readonly number[] {
  const mask = wanted(packet, 8).getBigUint64(0, true);
  const signals: number[] = [];
  for (let signal = 1; signal <= 64; signal++) {
    if ((mask >> BigInt(signal - 1) & 1n) === 1n) signals.push(signal);
  }
  return signals;
}
