/* confine.h: where a process lives: its namespaces, what is mounted in them, its root, its name. */
#ifndef REEVE_CONFINE_H
#define REEVE_CONFINE_H

#include "helper/unpack.h"

/* Is anything of it asked for? */
i32 confineWanted(const struct request *request);
/* The steps before others may look at this process: it is hidden, has only the descriptors that it needs, and
 * the host's /proc. Once. -> >= 0 or -errno with the stage that failed. */
i64 confineBegin(struct request *request, u32 *stage);
/* Does all of it, in order, but for the user namespace, which is entered late. -> 0, or -errno with the stage
 * that failed. */
i64 confine(struct request *request, u32 *stage);
/* Closes what it left open for the user namespace. */
void confineEnd(struct request *request);
/* Has the parent gone, as its pipe LIFE tells? Closes that. -> 0, -ESRCH */
i64 confineParentLives(struct request *request);
/* Says READY, where somebody waits for it, and closes that. -> 0 or -errno */
i64 confineReady(struct request *request);

#endif
