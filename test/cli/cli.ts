/** Runs the command line as a user does: the compiled executable where it was built, else the sources. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const EXECUTABLE = process.env["REEVE"] ?? join(ROOT, "dist/reeve");
/** The words to which those of a command are added. */
export const PROGRAM = existsSync(EXECUTABLE) ? [EXECUTABLE] : [process.execPath, join(ROOT, "main.ts")];

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** `words`: without the program's name. PATH and HOME are the only variables, but for `env`. */
export function reeve(words: readonly string[], options: RunOptions = {}): Result {
  const result = Bun.spawnSync([...PROGRAM, ...words], {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/", ...options.env },
    stdin: options.stdin === undefined ? null : new TextEncoder().encode(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  return { code: result.exitCode, out: result.stdout.toString(), err: result.stderr.toString() };
}

/** A directory that is removed when the block ends. */
export class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "reeve-cli-"));

  /** Writes a file and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
