/** The entry of the executable: argv to lib/cli, the exit code; nothing else. */
import process from "node:process";
import { run } from "./lib/cli/run.ts";
import { recoverArguments, recoverEnvironment } from "./lib/sys/process/own_bytes.ts";

recoverEnvironment(process.env);
run(recoverArguments(process.argv.slice(2))).then(
  (code) => process.exit(code),
  (error: unknown) => {
    // A fault of reeve itself. The stack names places in minified code: worth a line each, not the source around them.
    console.error(error instanceof Error ? error.stack : String(error));
    process.exit(1);
  },
);
