/**
 * A PlanDeps made of a table of paths, `ROOT|PATH` under another root; what is not in the table is not
 * there.
 */
import type { FileKind, FileStatus, PlanDeps } from "../../../lib/config/system/plan_deps.ts";
import { modeAllows } from "../../../lib/config/system/plan_deps.ts";
import { Diagnostics, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { buildPlan } from "../../../lib/config/build/build_plan.ts";
import { findOption } from "../../../lib/config/options/option_table.ts";
import type { RawOption } from "../../../lib/config/origin.ts";
import type { Plan } from "../../../lib/config/plan/plan.ts";

export const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
roberto:x:1000:1000:Roberto,,,:/home/roberto:/bin/bash
broken line
`;
export const GROUP = `root:x:0:
adm:x:4:roberto
ssl-cert:x:101:www-data,roberto
www-data:x:33:
roberto:x:1000:
`;

export interface FakeFile {
  readonly kind?: FileKind;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly text?: string;
  readonly names?: readonly string[];
}

const directory: FakeFile = { kind: "directory", mode: 0o755 };
const program: FakeFile = { mode: 0o755 };
export const ORDINARY: Readonly<Record<string, FakeFile>> = {
  "/": directory,
  "/tmp": { kind: "directory", mode: 0o1777 },
  "/run": directory,
  "/bin": directory,
  "/home/me": directory,
  "/bin/sh": program,
  "/bin/sleep": program,
  "/usr/bin/memcached": program,
};

export function fakeSystem(
  files: Readonly<Record<string, FakeFile>> = ORDINARY,
  change: Partial<PlanDeps> = {},
): PlanDeps {
  const uid = change.uid ?? 0;
  const stat = (path: string): FileStatus | null => {
    const file = files[path];
    return file === undefined
      ? null
      : { kind: file.kind ?? "file", mode: file.mode ?? 0o644, uid: file.uid ?? 0, gid: file.gid ?? 0 };
  };
  const may = (path: string, what: "write" | "execute") => {
    const status = stat(path);
    return status !== null &&
      modeAllows(status, { uid, gid: change.gid ?? 0, groups: change.groups ?? [] }, what);
  };
  return {
    passwd: PASSWD,
    group: GROUP,
    uid,
    gid: 0,
    groups: [],
    cwd: "/home/me",
    path: "/usr/bin:/bin",
    stat,
    canWrite: (path) => may(path, "write"),
    canExecute: (path) => may(path, "execute"),
    readStart: (path) =>
      new TextEncoder().encode(files[path]?.text ?? "\x7fELF".padEnd(64, "\0")).subarray(0, 4096),
    readDirectory: (path) => files[path]?.names ?? null,
    readText: (path) => files[path]?.text ?? null,
    readInRoot: (root, path) => files[`${root}|${path}`]?.text ?? null,
    statInRoot: (root, path) => stat(`${root}|${path}`),
    ...change,
  };
}

/**
 * Lines `name = value` as options, as a load gives them: by canonical names. The origin is `app.ini:LINE`.
 */
export function optionsOf(text: string): RawOption[] {
  const options: RawOption[] = [];
  text.split("\n").forEach((line, index) => {
    const equals = line.indexOf("=");
    if (line.trim() === "") return;
    const written = (equals < 0 ? line : line.slice(0, equals)).trim();
    const name = findOption(written)?.name ?? written;
    const value = equals < 0 ? "" : line.slice(equals + 1).trim();
    options.push({ name, value, origin: { file: "app.ini", line: index + 1 } });
  });
  return options;
}

export interface Built {
  readonly plan: Plan;
  readonly diagnostics: Diagnostics;
  /** Every problem as text. */
  readonly texts: readonly string[];
}

export function build(text: string, system: PlanDeps = fakeSystem()): Built {
  const diagnostics = new Diagnostics();
  const plan = buildPlan(optionsOf(text), ["/etc/reeve/app.ini"], system, diagnostics);
  return { plan, diagnostics, texts: diagnostics.list.map(formatDiagnostic) };
}
