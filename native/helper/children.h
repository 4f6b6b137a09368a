/* children.h: who our children are. */
#ifndef REEVE_CHILDREN_H
#define REEVE_CHILDREN_H

#include "reeve.h"

/* Calls visit(context, pid) for every living child of ours. Whatever /proc says, the kernel has confirmed
 * each pid to be our child, so a /proc of another PID namespace does no harm. Without /proc nobody is
 * visited. */
void childrenEach(void (*visit)(void *context, i32 pid), void *context);

#endif
