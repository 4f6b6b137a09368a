/* namespaces.h: the namespaces of this process: joined, made new, named, made usable. Each returns >= 0 or
 * -errno. */
#ifndef REEVE_NAMESPACES_H
#define REEVE_NAMESPACES_H

#include "helper/unpack.h"

/* All of SETNS but user namespaces: whoever is in one has no right over what is outside of it. */
i64 namespacesJoin(struct request *request);
/* The user namespaces of SETNS, after which its descriptors are closed. */
i64 namespacesJoinUser(struct request *request);
/* All of UNSHARE but the user namespace, which comes late (user_namespace.h). */
i64 namespacesUnshare(struct request *request);
i64 loopbackUp(struct request *request);
i64 hostnameSet(struct request *request);

#endif
