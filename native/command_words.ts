/**
 * The words of commands that the stub must know, from the one table of commands: run as a program it writes
 * native/stub/command_words.h, and a test fails where that file is not current.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS, RESERVED_COMMANDS } from "../lib/cli/shared/commands.ts";
import { HOOK_WORD } from "../lib/hooks/word.ts";

export const COMMAND_WORDS_FILE = join(import.meta.dir, "stub", "command_words.h");

/** The text of the header. */
export function commandWordsHeader(): string {
  const names = COMMANDS.map(({ name }) => name).filter((name) => name !== "run");
  const words = [...new Set([...names, ...RESERVED_COMMANDS, HOOK_WORD])].sort();
  return `/* command_words.h: the first words of a command line that are no files. Generated from
 * lib/cli/shared/commands.ts: \`bun run native/command_words.ts\` writes it. */
#ifndef REEVE_COMMAND_WORDS_H
#define REEVE_COMMAND_WORDS_H

static const char COMMAND_WORDS[][24] = {
${words.map((word) => `    ${JSON.stringify(word)},\n`).join("")}};

#endif
`;
}

if (import.meta.main) writeFileSync(COMMAND_WORDS_FILE, commandWordsHeader());
