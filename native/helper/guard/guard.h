/* guard.h: the role guard: holds the deadline of a lordship, and kills when it passes. */
#ifndef REEVE_GUARD_H
#define REEVE_GUARD_H

#include "reeve.h"

/* Holds the deadline of the request (struct reeve_guard_request) behind `request_fd` until it passes, or
 * until nothing is left to guard after the core is gone. -> the status to exit with; at the deadline it does
 * not return, the kernel kills it. */
i32 guardRun(i32 request_fd);

#endif
