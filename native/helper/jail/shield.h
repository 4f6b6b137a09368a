/* shield.h: what the file systems of the kernel hold of the host, out of the reach of a confined process. */
#ifndef REEVE_SHIELD_H
#define REEVE_SHIELD_H

#include "helper/unpack.h"

/* With REEVE_F_SHIELD: makes it read-only, or covers it, wherever it is mounted in the mount namespace
 * that this process has for itself. -> >= 0 or -errno; -ESTALE: the ways to what is mounted were changed
 * again and again. */
i64 shieldMake(struct request *request);

#endif
