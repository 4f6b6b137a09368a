/* credentials.h: who the program is: capabilities, groups, gid, uid, in the order in which they are called,
 * and a check that the change is real and cannot be undone. Each returns >= 0 or -errno.
 */
#ifndef REEVE_CREDENTIALS_H
#define REEVE_CREDENTIALS_H

#include "helper/unpack.h"

/* The bounding set; with KEEP_CAPS the permitted ones outlive the change of uid. */
i64 capsBefore(struct request *request);
i64 groupsSet(struct request *request);
i64 gidSet(struct request *request);
i64 uidSet(struct request *request);
/* Nothing effective is left while the change is verified. */
i64 capsLower(struct request *request);
i64 credentialsVerify(struct request *request);
/* The capabilities that CAPS asks for; none at all for a uid other than 0 without KEEP_CAPS. */
i64 capsAfter(struct request *request);

#endif
