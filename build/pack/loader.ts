/**
 * glibc's ld.so, made to ask the stub where it would ask the kernel: its calls of openat, mmap, pread64 and
 * fstat are redirected, so that it finds the C library within the executable. Nothing else of it changes, and
 * no call does anything else than before for other files.
 *
 * Must never patch what it does not recognise: each of the calls must be found in ld.so's code, or there is
 * no patch.
 */
import type { NativeTarget } from "../../native/compile.ts";
import { ENTRY_SIZE, ET, PF, type ProgramHeader, PT, readElf, writeHeader } from "./program_headers.ts";
import { findCallsX64, patchX64 } from "./loader_x64.ts";
import { findCallsArm64, patchArm64 } from "./loader_arm64.ts";

/** System calls by what they are for; of several numbers, one at least must be there. */
const CALLS: Readonly<Record<NativeTarget, Readonly<Record<string, readonly number[]>>>> = {
  x64: { openat: [257], mmap: [9], pread64: [17], fstat: [262, 5] },
  arm64: { openat: [56], mmap: [222], pread64: [67], fstat: [79, 80] },
};

export interface Hooks {
  /** Address of the stub's pointer to its hook, and of that to the hook for a short comparison. */
  readonly pointer: number;
  readonly shortPointer: number;
  /** Address of the hook. */
  readonly hook: number;
}

export interface Loader {
  readonly bytes: Uint8Array;
  /** PT_LOAD alone; offsets within `bytes`. */
  readonly segments: readonly ProgramHeader[];
  readonly entry: number;
  /** Memory from its first byte to its last. */
  readonly span: number;
  /** How many calls were redirected, by name. */
  readonly calls: Readonly<Record<string, number>>;
}

/** -> a patched copy. Throws Error when it is no ld.so of `target` or a call is not found. */
export function patchLoader(original: Uint8Array, target: NativeTarget, hooks: Hooks): Loader {
  const bytes = original.slice();
  const elf = readElf(bytes);
  if (elf.target !== target) throw new Error(`it is for ${elf.target}, wanted ${target}`);
  if (elf.type !== ET.dyn || elf.headers.some((header) => header.type === PT.interp)) {
    throw new Error("it is no dynamic loader");
  }
  const loads = elf.headers.filter((header) => header.type === PT.load);
  const codes = loads.filter((header) => (header.flags & PF.execute) !== 0);
  const [code] = codes;
  if (code === undefined || codes.length !== 1) {
    throw new Error(`it has ${codes.length} segments of code, wanted one`);
  }
  if (loads[0]?.address !== 0) throw new Error("its first segment does not begin at 0");

  const wanted = Object.values(CALLS[target]).flat();
  const find = target === "x64" ? findCallsX64 : findCallsArm64;
  const sites = find(bytes, code.offset, code.offset + code.fileSize, wanted);
  const calls: Record<string, number> = {};
  for (const [name, numbers] of Object.entries(CALLS[target])) {
    calls[name] = sites.filter((site) => numbers.includes(site.number)).length;
    if (calls[name] === 0) throw new Error(`its call of ${name} is not where it was in glibc 2.34 to 2.41`);
  }
  const places = sites.map((site) => site.at);
  let grown = code;
  if (target === "x64") {
    patchX64(bytes, places, hooks);
  } else {
    const end = code.offset + code.fileSize;
    const added = patchArm64(bytes, places, { at: end, limit: roomAfter(code, loads) }, hooks.hook);
    grown = { ...code, fileSize: code.fileSize + added, memorySize: code.memorySize + added };
    writeHeader(bytes, elf.tableOffset + elf.headers.indexOf(code) * ENTRY_SIZE, grown);
  }
  const segments = loads.map((load) => load === code ? grown : load);
  const span = Math.max(...segments.map((segment) => segment.address + segment.memorySize));
  return { bytes, segments, entry: elf.entry, span, calls };
}

/**
 * File offset up to which the code may grow: the next segment begins there, in the file or, by whole pages,
 * in memory.
 */
function roomAfter(code: ProgramHeader, loads: readonly ProgramHeader[]): number {
  if (code.fileSize !== code.memorySize) {
    throw new Error("its segment of code ends with memory that is not in the file");
  }
  const next = loads[loads.indexOf(code) + 1];
  if (next === undefined) throw new Error("its code is its last segment");
  const nextPage = next.address - next.address % next.align;
  return Math.min(next.offset, code.offset + nextPage - code.address);
}
