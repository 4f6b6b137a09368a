/**
 * How large a configuration may become. A mistake (a file that includes itself through a loop, a placeholder
 * that doubles ten times) must end in a message, never in a machine without memory.
 */

/** Bytes of one file. */
export const LARGEST_FILE = 64 << 20;
/**
 * Characters of one line, and of one value once expanded. Linux takes no argument over 128 KiB
 * (MAX_ARG_STRLEN).
 */
export const LONGEST_VALUE = 1 << 20;
/** Options of a flattened configuration. */
export const MOST_OPTIONS = 1_000_000;
/** Characters that all expansions together may produce. */
export const MOST_EXPANDED = 64 << 20;
/** Files that include each other, references inside references, options declared through options. */
export const DEEPEST = 100;
