/* search.h: executing a program by its name, as execvp(3) does, with its fallback to a shell for scripts
 * without "#!". */
#ifndef REEVE_SEARCH_H
#define REEVE_SEARCH_H

#include "reeve.h"

/* Executes the file at `path`; a text that the kernel does not know as a program is given to /bin/sh, with
 * the arguments of `argv` after the first. Returns -errno alone: ENOEXEC for what is neither, or where there
 * is no /bin/sh. */
i64 programExec(const char *path, char *const *argv, char *const *envp);

/* programExec of `file`: as it is when it holds a slash, else from the first directory of the colon list
 * `dirs` that has it; an empty directory is the current one. Returns -errno alone: ENOENT when no directory
 * has it, EACCES when one had it and it may not be executed, else what programExec says. */
i64 searchExec(const char *file, const char *dirs, char *const *argv, char *const *envp);

#endif
