/* mount_table.h: what is mounted below a mount. */
#ifndef REEVE_MOUNT_TABLE_H
#define REEVE_MOUNT_TABLE_H

#include "helper/unpack.h"

/* Calls visit with an O_PATH descriptor of every mount below the one that `mount` is the root of, parents first, as long as it returns
 * >= 0. One that cannot be reached, since it is covered or its directory is gone, is left out.  -> 0 or -errno */
i64 mountTableEach(const struct request *request, i32 mount, i64 (*visit)(const struct request *, i32, void *), void *context);
/* Unmounts all that is mounted below, the last first. -> 0 or -errno */
i64 mountTableUnmount(const struct request *request, i32 mount, u64 flags);

#endif
