/* search.h: executing a program by its name, as execvp(3) does, without its fallback to a shell. */
#ifndef REEVE_SEARCH_H
#define REEVE_SEARCH_H

#include "reeve.h"

/* Executes `file`: as it is when it holds a slash, else from the first directory of the colon list `dirs` that has it; an
 * empty directory is the current one. Returns -errno alone: ENOENT when no directory has it, EACCES when one had it and
 * it may not be executed, ENOEXEC for a file that is no program (no shell is tried), else what the kernel said. */
i64 searchExec(const char *file, const char *dirs, char *const *argv, char *const *envp);

#endif
