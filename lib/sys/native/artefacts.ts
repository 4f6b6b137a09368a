/**
 * Where the native library and the helper come from when reeve runs from source: compiled on demand from
 * native/ into a cache whose name is a digest of the sources, so that they are never stale. The build puts
 * artefacts_embedded.ts in this file's place; nothing here may end up in the executable.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compileNative } from "../../../native/compile.ts";

export interface Artefacts {
  readonly library: Uint8Array;
  readonly helper: Uint8Array;
}

const ROOT = join(import.meta.dir, "../../..");

/** The contents of both files. Throws when there is no C compiler, with what to install. */
export function readArtefacts(): Artefacts {
  const directory = join(ROOT, "node_modules", ".cache", "reeve", sourceDigest(join(ROOT, "native")));
  if (!existsSync(directory)) {
    // Under a name of its own first: several test processes may compile at once, and none may see half a
    // file.
    const building = `${directory}.${crypto.randomUUID()}`;
    mkdirSync(building, { recursive: true });
    compileNative(building);
    try {
      renameSync(building, directory);
    } catch (error) {
      rmSync(building, { recursive: true });
      if (!existsSync(directory)) throw error;
    }
  }
  return {
    library: readFileSync(join(directory, "libreeve.so")),
    helper: readFileSync(join(directory, "helper")),
  };
}

function sourceDigest(directory: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(process.arch);
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.(c|h|S|ts|lds)$/.test(name)) continue;
    hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
  }
  return hash.digest("hex").slice(0, 24);
}
