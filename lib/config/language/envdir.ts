/**
 * The value that a file of a daemontools directory (envdir, early-envdir) stands for. Pure: it never opens
 * the file.
 */

/**
 * uWSGI 2.0: all of the text, without the blanks and line ends behind it; daemontools: a NUL means a line
 * end. null, which unsets the variable, for an empty file.
 */
export function envdirValue(text: string): string | null {
  return text === "" ? null : text.replace(/[ \t\r\n\0]+$/, "").replaceAll("\0", "\n");
}

/** Whether a file of this name is a variable. */
export function isEnvdirName(name: string): boolean {
  return !name.startsWith(".") && !name.includes("=");
}
