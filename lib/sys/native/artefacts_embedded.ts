/**
 * Where the native library and the helper come from in the compiled executable: its own file. Takes the place
 * of artefacts.ts there (build.ts), and must export the same.
 */
import { readFileSync } from "node:fs";
import helper from "../../../dist/native/helper" with { type: "file" };
import library from "../../../dist/native/libreeve.so" with { type: "file" };
import type { Artefacts } from "./artefacts.ts";

export function readArtefacts(): Artefacts {
  return { library: readFileSync(library), helper: readFileSync(helper) };
}
