/* descriptors.h: the file descriptors of the program that a request names, and no others. */
#ifndef REEVE_DESCRIPTORS_H
#define REEVE_DESCRIPTORS_H

#include "unpack.h"

/* What will be `target` in the program: a descriptor of ours, or -1 for /dev/null. Without a record: target itself. */
i32 descriptorSource(const struct request *request, i32 target);

/* Puts every descriptor in its place and makes all others close-on-exec, report_fd and exec_fd too; moves these two and
 * request->fds out of the way.  -> >= 0 or -errno */
i64 descriptorsArrange(struct request *request);

#endif
