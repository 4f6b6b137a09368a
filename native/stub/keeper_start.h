/* keeper_start.h: `reeve FILE`: the stub becomes the keeper. */
#ifndef REEVE_KEEPER_START_H
#define REEVE_KEEPER_START_H

#include "reeve.h"

/* As entrypointRun: returns where the words ask for something else than an instance, or where this is an
 * instance's core; else it is the keeper, in this very process, and the process ends with it. */
void keeperStartRun(u64 *stack, u64 mask, u64 start, u64 end);

#endif
