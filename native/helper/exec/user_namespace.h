/* user_namespace.h: a user namespace in which the ids are the same and the rights are not. */
#ifndef REEVE_USER_NAMESPACE_H
#define REEVE_USER_NAMESPACE_H

#include "helper/unpack.h"

/* Where UNSHARE asks for it: leaves the caller's user namespace for a new one, in which each id is what it
 * was. The capabilities from now on are good for what belongs to the new one alone. -> >= 0 or -errno */
i64 userNamespaceEnter(struct request *request);

#endif
