/** The version of the program, from package.json alone: a build is the same wherever it is made. */
import { version } from "../../../package.json" with { type: "json" };

export const VERSION: string = version;
