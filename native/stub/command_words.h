/* command_words.h: the first words of a command line that are no files. Generated from
 * lib/cli/shared/commands.ts: `bun run native/command_words.ts` writes it. */
#ifndef REEVE_COMMAND_WORDS_H
#define REEVE_COMMAND_WORDS_H

static const char COMMAND_WORDS[][24] = {
    "__hook",
    "apply",
    "check",
    "completion",
    "dashboard",
    "doctor",
    "enter",
    "events",
    "graph",
    "healthcheck",
    "help",
    "import",
    "legion",
    "logs",
    "man",
    "metrics",
    "names",
    "plan",
    "reload",
    "restart",
    "scale",
    "schema",
    "signal",
    "start",
    "status",
    "stop",
    "top",
    "trigger",
    "upgrade",
    "version",
    "wait",
};

#endif
