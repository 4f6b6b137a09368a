/* root.h: the root directory of a child. Each returns >= 0 or -errno. */
#ifndef REEVE_ROOT_H
#define REEVE_ROOT_H

#include "helper/unpack.h"

/* Resolves ROOT into request->state.root and outer_root: the one a mount of its own for a pivot, ready to be
 * mounted in. Without ROOT and with MOUNT records: "/" as it is. */
i64 rootOpen(struct request *request);
/* Goes there, and leaves nothing of the old root. */
i64 rootEnter(struct request *request);

#endif
