/**
 * The constants that C and TypeScript share, from the headers that C reads: run as a program it writes
 * lib/sys/native/constants.ts, and a test fails where that file is not current. Understands the enums and
 * #defines of our own headers and nothing more; throws for the rest.
 */
import { readFileSync } from "node:fs";

interface Constant {
  readonly name: string;
  readonly x64: number;
  readonly arm64: number;
}

const HEADERS = ["reeve.h", "common/linux.h", "helper/unpack.h"];

/** Enums that become an object each, their members without the prefix and in camel case. */
const OBJECTS: Readonly<Record<string, { readonly name: string; readonly prefix: string }>> = {
  reeve_flag: { name: "FLAG", prefix: "REEVE_F_" },
  reeve_tag: { name: "TAG", prefix: "REEVE_T_" },
  reeve_mount_kind: { name: "MOUNT_KIND", prefix: "REEVE_M_" },
  reeve_mount_option: { name: "MOUNT_OPTION", prefix: "REEVE_MO_" },
  reeve_root: { name: "ROOT_KIND", prefix: "REEVE_R_" },
  reeve_stage: { name: "STAGE", prefix: "REEVE_S_" },
  reeve_guard_command_kind: { name: "GUARD_COMMAND", prefix: "REEVE_G_" },
  reeve_guard_news_kind: { name: "GUARD_NEWS", prefix: "REEVE_G_" },
  reeve_role: { name: "ROLE", prefix: "REEVE_ROLE_" },
  reeve_keeper_kind: { name: "KEEPER", prefix: "REEVE_K_" },
  reeve_core_reason: { name: "CORE_REASON", prefix: "REEVE_W_" },
  reeve_welcome_flag: { name: "WELCOME_FLAG", prefix: "REEVE_WF_" },
  reeve_birth_flag: { name: "BIRTH_FLAG", prefix: "REEVE_B_" },
  reeve_signal_flag: { name: "CHILD_SIGNAL", prefix: "REEVE_KS_" },
  reeve_slot_state: { name: "SLOT", prefix: "REEVE_SLOT_" },
  reeve_probe_what: { name: "PROBE", prefix: "REEVE_PROBE_" },
  request_limit: { name: "LIMIT", prefix: "MAX_" },
};
/** Enums whose members are constants of their own, as the kernel names them. */
const PLAIN: ReadonlySet<string> = new Set([
  "linux_errno",
  "linux_open",
  "linux_resolve",
  "linux_mode",
  "linux_at",
  "linux_fcntl",
  "linux_clone",
  "linux_mount",
  "linux_signal",
]);

/** The text of lib/sys/native/constants.ts. */
export function constantsFile(): string {
  const x64 = readAll("x86_64");
  const arm64 = readAll("aarch64");
  const parts = [...x64].flatMap(([group, members]) => {
    const constants = [...members].map(([name, value]): Constant => {
      const other = arm64.get(group)?.get(name);
      if (other === undefined) throw new Error(`${name} is not there on arm64`);
      return { name, x64: value, arm64: other };
    });
    return print(group, constants);
  });
  return `/**
 * The numbers that both sides of native/ must agree on, and those of the kernel. Generated from
 * native/reeve.h, native/common/linux.h and native/helper/unpack.h: \`bun run native/constants.ts\` writes
 * it.
 */

${parts.join("\n")}`;
}

type Groups = Map<string, Map<string, number>>;

/** Members by their enum; #defines of numbers under "". */
function readAll(machine: string): Groups {
  const groups: Groups = new Map([["", new Map()]]);
  const known = new Map<string, number>();
  for (const header of HEADERS) {
    const text = preprocessed(readFileSync(new URL(header, import.meta.url), "utf8"), machine);
    for (const [, name = "", value = ""] of text.matchAll(/^#define (REEVE_[A-Z_]+) (.+)$/gm)) {
      known.set(name, valueOf(value, known));
      groups.get("")?.set(name, valueOf(value, known));
    }
    for (const [, group = "", body = ""] of text.matchAll(/\benum (\w+) \{([^}]*)\}/g)) {
      if (OBJECTS[group] === undefined && !PLAIN.has(group)) continue;
      const members = new Map<string, number>();
      groups.set(group, members);
      for (const member of body.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
        const [name = "", value = ""] = member.split(/\s*=\s*/);
        known.set(name, valueOf(value, known));
        members.set(name, valueOf(value, known));
      }
    }
  }
  return groups;
}

/** Without comments, and without what is for another machine. */
function preprocessed(text: string, machine: string): string {
  const lines: string[] = [];
  const conditions: boolean[] = [];
  for (const line of text.replace(/\/\*[^]*?\*\//g, "").split("\n").map((each) => each.trim())) {
    const asked = /^#if defined\(__(\w+)__\)$/.exec(line);
    if (asked !== null) conditions.push(asked[1] === machine);
    else if (line.startsWith("#if")) conditions.push(true);
    else if (line === "#else") conditions.push(conditions.pop() !== true);
    else if (line.startsWith("#endif")) conditions.pop();
    else if (conditions.every((holds) => holds)) lines.push(line);
  }
  return lines.join("\n");
}

/** Numbers and known names, shifted and joined by "|". */
function valueOf(text: string, known: ReadonlyMap<string, number>): number {
  return text.replace(/^\((.*)\)$/s, "$1").split("|").reduce((all, part) => {
    const [left = "", right] = part.trim().split(/\s*<<\s*/);
    const value = atom(left, known);
    // Multiplied and not shifted: a flag in the highest bit stays positive.
    const shifted = right === undefined ? value : value * 2 ** atom(right, known);
    return all === 0 ? shifted : Number(BigInt(all) | BigInt(shifted));
  }, 0);
}

function atom(text: string, known: ReadonlyMap<string, number>): number {
  const name = known.get(text);
  if (name !== undefined) return name;
  const digits = /^(-?)(0x[0-9A-Fa-f]+|[0-9]+)[uUlL]*$/.exec(text);
  if (digits === null) throw new Error(`cannot read "${text}" as a number`);
  const [, sign, number = ""] = digits;
  const value = Number(/^0[0-7]+$/.test(number) ? `0o${number.slice(1)}` : number);
  return sign === "-" ? -value : value;
}

function print(group: string, constants: readonly Constant[]): string[] {
  const object = OBJECTS[group];
  if (object === undefined) {
    return [
      constants.map(({ name, ...values }) => `export const ${name} = ${literal(name, values)};\n`).join(""),
    ];
  }
  const lines = constants.filter(({ name }) => name !== "REEVE_F_LAST").map(({ name, ...values }) =>
    `  ${camelCase(name.slice(object.prefix.length))}: ${literal(name, values)},\n`
  );
  return [`/** enum ${group} */\nexport const ${object.name} = {\n${lines.join("")}} as const;\n`];
}

function literal(name: string, { x64, arm64 }: Omit<Constant, "name">): string {
  if (x64 === arm64) return digitsOf(name, x64);
  return `process.arch === "arm64" ? ${digitsOf(name, arm64)} : ${digitsOf(name, x64)}`;
}

function digitsOf(name: string, value: number): string {
  if (/^[OS]_/.test(name) && value > 7) return `0o${value.toString(8)}`;
  return value > 1024 && /^(?:CLONE|MS|REEVE_.*MAGIC)/.test(name) ? `0x${value.toString(16)}` : String(value);
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

if (import.meta.main) {
  await Bun.write(new URL("../lib/sys/native/constants.ts", import.meta.url), constantsFile());
}
