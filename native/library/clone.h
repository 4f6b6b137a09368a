/* clone.h: making a process or a thread that shares our memory, on a stack of its own. */
#ifndef REEVE_CLONE_H
#define REEVE_CLONE_H

#include "reeve.h"

/* A child that shares our memory must never return into our frames, and a compiler may let its variables
 * share slots with ours. So it runs `body(argument)` on the stack whose upper end is `top` (16 bytes
 * aligned), and exits with what that returns. `clone_args` is for clone3, `stack` and `stack_size` included.
 * -> pid, or -errno. */
i64 cloneThree(void *clone_args, u64 size, i32 (*body)(void *), void *argument);
/* The same by plain clone; `pidfd` takes a pidfd where flags have CLONE_PIDFD. */
i64 clonePlain(u64 flags, void *top, i32 *pidfd, i32 (*body)(void *), void *argument);

#endif
