/** What a test needs whose host has no C library, or another: an executable that brings its own. */
import { readFileSync } from "node:fs";
import { PT, readElf } from "../../build/pack/program_headers.ts";
import { type Need, REEVE, reeve } from "../e2e/need.ts";

/** dist/reeve, unless built with --plain. */
export const packed: Need = {
  missing: () => {
    const absent = reeve.missing();
    if (absent !== null) return absent;
    const { headers } = readElf(new Uint8Array(readFileSync(REEVE)));
    return headers.some((header) => header.type === PT.interp)
      ? `needs an executable that brings its C library: "${REEVE}" is built with --plain`
      : null;
  },
};
