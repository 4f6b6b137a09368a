/**
 * The jail as the run directory has it: so that a reeve that is killed leaves its jail to the next one. Must
 * never be trusted beyond what the kernel confirms; who reads it checks.
 */
import { readFileSync, unlinkSync } from "node:fs";
import type { ProcessId } from "../sys/process_id.ts";
import type { JailIdentity, JailRecord } from "../jail/identity.ts";
import { namespaceInode } from "../jail/namespace_files.ts";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { errorText } from "../sys/error_text.ts";
import { bool, decodeOrNull, encode, type Format, object, text } from "./codec.ts";
import { jailIdentity, jailPlan } from "./shapes.ts";

export const JAIL_RECORD: Format<JailRecord> = {
  name: "jail",
  shape: object<JailRecord>({ boot: text, identity: jailIdentity, plan: jailPlan, isEntered: bool }),
  older: [(json) => json],
};

/** While it is made: of the namespaces that it will have the first alone is there. */
export function identityInMaking({ pid, startTime }: ProcessId): JailIdentity {
  const inode = namespaceInode(pid, "pid");
  return { pid, startTime, namespaces: inode === null ? {} : { pid: inode } };
}

/** More than most plans take. */
const ROOM = 4096;
const BLANK = 0x20;

export class JailFile {
  readonly #path: string | null;

  /** `runDir` null: nothing is kept. */
  constructor(runDir: string | null) {
    this.#path = runDir === null ? null : `${runDir}/jail`;
  }

  /** The jail that an earlier reeve of this boot left; null: nothing, or nothing to be believed. */
  read(boot: string): JailRecord | null {
    if (this.#path === null || boot === "") return null;
    try {
      const record = decodeOrNull(JAIL_RECORD, readFileSync(this.#path, "utf8"));
      return record?.boot === boot ? record : null;
    } catch {
      return null;
    }
  }

  /**
   * Before a jail is made: whether one can be kept. One that could not be found again after a kill -9 of
   * reeve must not outlive it: its daemons would run a second time beside it.
   */
  reserve(warn: (text: string) => void): boolean {
    if (this.#path === null) return false;
    try {
      writeAtomically(this.#path, new Uint8Array(ROOM).fill(BLANK), { mode: 0o600 });
      return true;
    } catch (error) {
      warn(
        `cannot write the record of the jail: ${errorText(error)}; it ends with reeve, a kill -9 included`,
      );
      return false;
    }
  }

  /** A full disk costs the record, never the jail: `warn` hears what that means. */
  keep(record: JailRecord, warn: (text: string) => void): void {
    if (this.#path === null) return;
    try {
      writeAtomically(this.#path, new TextEncoder().encode(`${encode(JAIL_RECORD, record)}\n`), {
        mode: 0o600,
      });
    } catch (error) {
      const cost = "after a kill -9 of reeve it would not be found again";
      warn(`cannot write the record of the jail: ${errorText(error)}; ${cost}`);
    }
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
