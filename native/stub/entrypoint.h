/* entrypoint.h: `reeve [FLAG...] -- COMMAND` without a runtime: the stub becomes the init. */
#ifndef REEVE_ENTRYPOINT_H
#define REEVE_ENTRYPOINT_H

#include "reeve.h"

/* `stack`: argc, argv, NULL, environment, NULL. Returns where the words, or a variable, ask for more than an
 * init for one COMMAND; else it is that init, in this very process, and the process ends with it. [start,
 * end) is what is mapped of the executable beside the stub, which is given back. `mask`: the signals that
 * were blocked when reeve was started, which COMMAND finds blocked as well. */
void entrypointRun(u64 *stack, u64 mask, u64 start, u64 end);

#endif
