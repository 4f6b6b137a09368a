/** The entry of the executable: argv to lib/cli, the exit code; nothing else. */
import { writeSync } from "node:fs";
import process from "node:process";
import { run } from "./lib/cli/run.ts";
import { VERSION } from "./lib/cli/shared/version.ts";
import { errorText, faultPlace } from "./lib/sys/error_text.ts";
import { recoverArguments, recoverEnvironment } from "./lib/sys/process/own_bytes.ts";

/** A fault of reeve itself, or a host that lacks what it cannot do without: one line. */
function end(error: unknown): never {
  const place = faultPlace(error);
  const fault = place === null
    ? ""
    : `: a fault of reeve ${VERSION} itself, at ${place}: please report this line`;
  // Straight to the descriptor: whatever writes usually may be what has failed.
  try {
    writeSync(2, `the core ended: ${errorText(error).replaceAll("\n", " ")}${fault}\n`);
  } catch {
    // Nobody reads it.
  }
  process.exit(1);
}

process.on("uncaughtException", end);
process.on("unhandledRejection", end);
recoverEnvironment(process.env);
run(recoverArguments(process.argv.slice(2))).then((code) => process.exit(code), end);
