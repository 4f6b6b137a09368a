/* guard_first.h: PID 1 of a guard's namespace: it does nothing, and dies with the guard, and all in the
 * namespace with it. */
#ifndef REEVE_GUARD_FIRST_H
#define REEVE_GUARD_FIRST_H

#include "common/linux.h"
#include "reeve.h"

struct first {
  i32 pid;   /* our child; not reaped before we end */
  i32 pidfd; /* readable once it is dead, and all others before it */
  struct linux_statx namespace_file;
};

/* Makes the namespace where the request says, and closes the descriptors of the request that are for that. ->
 * >= 0 or -errno */
i64 firstStart(const struct reeve_guard_request *request, struct first *first);
/* Whether the process is in the namespace, or in one within it. Whoever asks holds it, so that the number is
 * its own. */
i32 firstHas(const struct first *first, i32 pid);

#endif
