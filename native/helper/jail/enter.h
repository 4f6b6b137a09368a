/* enter.h: the role enter: into a PID namespace of somebody else. */
#ifndef REEVE_ENTER_H
#define REEVE_ENTER_H

#include "helper/unpack.h"

/* Makes a child of our parent's that is born in request->state.enter[0], or, `is_nested`, is PID 1 of a new
 * namespace in there, tells its pid over enter[1], as spawn.c reads it, and ends. Returns in that child, once
 * our parent has answered that it knows it; all is prepared (confineBegin) for others to look. */
void enterNamespace(struct request *request, i32 is_nested);

#endif
