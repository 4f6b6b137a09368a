/* mount.h: the MOUNT records of a request. */
#ifndef REEVE_MOUNT_H
#define REEVE_MOUNT_H

#include "helper/unpack.h"

/* Carries all of them out, in order, in request->state.root. -> >= 0 or -errno, request->state.detail then
 * says which one. */
i64 mountsMake(struct request *request);

#endif
