/* descriptors.h: the file descriptors of the program that a request names, and no others. */
#ifndef REEVE_DESCRIPTORS_H
#define REEVE_DESCRIPTORS_H

#include "helper/unpack.h"

/* The source of `target` in the program: a descriptor of ours, or -1 for /dev/null. Without a record: target
 * itself. */
i32 descriptorSource(const struct request *request, i32 target);

/* Opens /dev/null into request->state.null, and closes every descriptor but those that `request` names: 0 to
 * 2 become /dev/null, unless they are named themselves. For a process that is about to be where others may
 * look into it.  -> >= 0 or -errno */
i64 descriptorsNarrow(struct request *request);

/* Closes all but `keep`, 0 to 2 too. */
void descriptorsCloseBut(i32 keep);

/* Puts every descriptor in its place and makes all others close-on-exec, report_fd and exec_fd too; moves
 * these two and request->fds out of the way.  -> >= 0 or -errno */
i64 descriptorsArrange(struct request *request);

#endif
