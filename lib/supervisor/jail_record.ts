/**
 * The jail as the run directory has it: so that a reeve that is killed leaves its jail to the next one. Must never be trusted beyond
 * what the kernel confirms; who reads it checks.
 */
import { readFileSync, unlinkSync } from "node:fs";
import { formatRecord, type JailRecord, parseRecord } from "../jail/jail_identity.ts";
import { writeAtomically } from "../sys/atomic_file.ts";

export class JailFile {
  readonly #path: string | null;

  /** `runDir` null: nothing is kept. */
  constructor(runDir: string | null) {
    this.#path = runDir === null ? null : `${runDir}/jail`;
  }

  /** What an earlier reeve of this boot left; null: nothing, or nothing to be believed. */
  read(boot: string): JailRecord | null {
    if (this.#path === null || boot === "") return null;
    try {
      const record = parseRecord(readFileSync(this.#path, "utf8"));
      return record?.boot === boot ? record : null;
    } catch {
      return null;
    }
  }

  /** Throws SysError: a full disk. */
  write(record: JailRecord): void {
    if (this.#path === null) return;
    writeAtomically(this.#path, new TextEncoder().encode(`${formatRecord(record)}\n`), { mode: 0o600 });
  }

  remove(): void {
    if (this.#path === null) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // It was never written, or somebody tidied up: it is gone either way.
    }
  }
}
