/* child.h: the role exec: this process becomes the program of a request. */
#ifndef REEVE_CHILD_H
#define REEVE_CHILD_H

#include "unpack.h"

/* Maps the request behind `fd`, closes fd, checks and lays it out. The request stays mapped.
 * -> 0 or -errno; `request` tells whom to report to even then. */
i64 childLoad(i32 fd, struct request *request);

/* Does every step and executes. What fails is reported to request->report_fd, then the process exits with 127 (the program
 * does not exist), 126 (it cannot be executed) or 125 (a step before). Changes `request`: call it in a process of its own. */
__attribute__((noreturn)) void childBecome(struct request *request);

/* One report of a step that failed with `error` (positive), where there is a reader. */
void childReport(const struct request *request, u32 stage, i32 error);

#endif
