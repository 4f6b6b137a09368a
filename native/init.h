/* init.h: the role init: PID 1, or a subreaper, for one child. */
#ifndef REEVE_INIT_H
#define REEVE_INIT_H

#include "reeve.h"

/* Runs the child of the request behind `request_fd` until it ended. -> the status to exit with. */
i32 initRun(i32 request_fd);

#endif
