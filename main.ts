/** The entry of the executable: argv to lib/cli, the exit code; nothing else. */
import process from "node:process";
import { version } from "./package.json" with { type: "json" };

console.log(`reeve ${version}`);
process.exitCode = 0;
