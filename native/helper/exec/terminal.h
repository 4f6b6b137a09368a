/* terminal.h: who has the terminal. */
#ifndef REEVE_TERMINAL_H
#define REEVE_TERMINAL_H

#include "reeve.h"

/* Puts this process into a group of its own and makes that the foreground group of the terminal `fd`, taking
 * it as the controlling terminal, in a session of its own, where it is not ours yet. A terminal that another
 * session has, or in whose foreground our caller is not, is left to its owner: then there is only the group.
 * -> >= 0; -ENOTTY when fd is no terminal (-EBADF ...); -errno */
i64 terminalTake(i32 fd);

/* Is `fd` a terminal? 1 or 0. */
i32 terminalIs(i32 fd);

/* The foreground group of our controlling terminal `fd`: -> 0 or -errno. Works from the background too. */
i64 terminalGive(i32 fd, i32 group);
/* -> the foreground group, or -errno. */
i64 terminalGroup(i32 fd);

#endif
