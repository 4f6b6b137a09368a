/* jail.h: the role jail: PID 1 of a jail. */
#ifndef REEVE_JAIL_H
#define REEVE_JAIL_H

#include "helper/unpack.h"

/* Sets up what the request asks for, says so, and reaps for ever. Returns only when it could not be set up,
 * or nobody waits for it any more: the status to exit with. */
i32 jailRun(struct request *request);

#endif
