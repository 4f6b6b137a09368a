/* init.h: the role init: PID 1, or a subreaper, for one child. */
#ifndef REEVE_INIT_H
#define REEVE_INIT_H

#include "helper/unpack.h"

/* Runs the child of the request until it ended for good, then sees to what it left behind.
 * -> the status to exit with: the child's, 128+n for signal n, 127 or 126 where its program is not there or cannot be
 * executed, 125 where it could not be started otherwise. All signals are blocked, all dispositions default. */
i32 initRun(struct request *request);

#endif
