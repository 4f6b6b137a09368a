/**
 * The kernel's answer to a file that is to be executed, from its first bytes: its interpreter, its loader,
 * the machine that it is for. Pure: what is there, and what this machine runs, is asked through
 * ExecutableDeps.
 */

export interface ExecutableDeps {
  /** Whether there is such a program: by path, or by its name in PATH. */
  readonly hasProgram: (program: string) => boolean;
  /** ELF's numbers of the machines whose programs run here; undefined: of any, there are emulators. */
  readonly machines: readonly number[] | undefined;
}

export type ExecutableVerdict =
  | { readonly kind: "runs" }
  /** The kernel refuses it, and execvp(3) then gives it to /bin/sh. */
  | { readonly kind: "shell" }
  | { readonly kind: "fails"; readonly why: string };

const RUNS: ExecutableVerdict = { kind: "runs" };
const ELF_HEADER = 64;
const PROGRAM_INTERPRETER = 3;
const MACHINES: Readonly<Record<number, string>> = {
  3: "32-bit x86",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  22: "s390x",
  40: "32-bit ARM",
  62: "x86-64",
  183: "arm64",
  243: "RISC-V",
  258: "LoongArch",
};

/** `start`: the first bytes of the file at `path`, some KiB of it; null: it cannot be read. */
export function judgeExecutable(
  path: string,
  start: Uint8Array | null,
  deps: ExecutableDeps,
): ExecutableVerdict {
  if (start === null) return RUNS;
  if (start.length === 0) return fails("it is empty");
  const text = latin1(start);
  if (text.startsWith("#!")) return judgeScript(path, text, deps);
  if (text.startsWith("\x7fELF")) return judgeElf(start, deps);
  if (isText(start)) return { kind: "shell" };
  // Emulators may know more kinds of programs.
  return deps.machines === undefined ? RUNS : fails('it is neither a program nor a script with "#!"');
}

function judgeScript(path: string, text: string, { hasProgram }: ExecutableDeps): ExecutableVerdict {
  const [line = ""] = text.slice(2).split("\n", 1);
  if (line.endsWith("\r")) {
    return fails(
      'its first line ends with a carriage return, which the kernel takes for a part of it ("\\r"): ' +
        `sed -i 's/\\r$//' ${path}`,
    );
  }
  const [interpreter = "", argument = "", ...others] = line.trim().split(/[ \t]+/);
  if (interpreter === "") return { kind: "shell" };
  if (!hasProgram(interpreter)) {
    return fails(
      `the interpreter of its first line is not there: ${interpreter}: install it, or mend that line`,
    );
  }
  const isByEnv = /\/env$/.test(interpreter) && others.length === 0 && /^[A-Za-z0-9_.+-]+$/.test(argument);
  if (!isByEnv || argument.startsWith("-") || hasProgram(argument)) return RUNS;
  return fails(
    `the interpreter of its first line is not in PATH: ${argument}: install it, or mend that line`,
  );
}

function judgeElf(start: Uint8Array, { hasProgram, machines }: ExecutableDeps): ExecutableVerdict {
  if (start.length < ELF_HEADER) return fails("it is cut off: it has no whole ELF header");
  const isLittle = start[5] === 1;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const machine = view.getUint16(18, isLittle);
  if (machines !== undefined && !machines.includes(machine)) {
    const theirs = MACHINES[machine] ?? `another machine (${machine})`;
    const ours = MACHINES[machines[0] ?? 0] ?? "another";
    return fails(`it is a program for ${theirs}, and this machine is ${ours}: take the build for ${ours}`);
  }
  const loader = start[4] === 2 && isLittle ? loaderOf(start, view) : null;
  if (loader === null || hasProgram(loader)) return RUNS;
  const library = loader.includes("musl") ? "musl" : "glibc";
  return fails(`its loader is not there: ${loader}: install ${library}, or take a static build`);
}

/** PT_INTERP of a 64-bit file, where it lies within what was read. */
function loaderOf(start: Uint8Array, view: DataView): string | null {
  const [offset, size, count] = [
    Number(view.getBigUint64(32, true)),
    view.getUint16(54, true),
    view.getUint16(56, true),
  ];
  for (let index = 0; index < count; index++) {
    const at = offset + index * size;
    if (size < 56 || at + size > start.length) return null;
    if (view.getUint32(at, true) !== PROGRAM_INTERPRETER) continue;
    const [from, length] = [
      Number(view.getBigUint64(at + 8, true)),
      Number(view.getBigUint64(at + 32, true)),
    ];
    if (length < 2 || from + length > start.length) return null;
    return latin1(start.subarray(from, from + length - 1));
  }
  return null;
}

function isText(start: Uint8Array): boolean {
  return start.every((byte) =>
    byte >= 0x20 && byte !== 0x7f || byte === 0x0a || byte === 0x0d || byte === 0x09
  );
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function fails(why: string): ExecutableVerdict {
  return { kind: "fails", why };
}
