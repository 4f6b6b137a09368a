/* orphans.h: ending what a child left behind. */
#ifndef REEVE_ORPHANS_H
#define REEVE_ORPHANS_H

#include "reeve.h"

/* Asks every process that is left to end (TERM, then CONT so that a stopped one can), reaps, and returns as
 * soon as none is left; after grace_ms, or when asked to end once more (TERM, INT, QUIT), they are killed.
 * `is_first`: we are PID 1, and every process of the namespace is meant; else our children, and theirs as
 * they become ours. All signals are blocked. */
void orphansStop(i32 is_first, u32 grace_ms);

#endif
