/* mount_table.h: what is mounted below a mount. */
#ifndef REEVE_MOUNT_TABLE_H
#define REEVE_MOUNT_TABLE_H

#include "helper/unpack.h"

/* Calls visit with an O_PATH descriptor of every mount below the one that `mount` is the root of, parents
 * first, as long as it returns >= 0. One that cannot be reached, since it is covered or its directory is
 * gone, is left out.  -> 0 or -errno */
i64 mountTableEach(const struct request *request, i32 mount, i64 (*visit)(const struct request *, i32, void *), void *context);
/* A mount as the table has it. */
struct mount_entry {
  i64 number;
  i64 parent;
  char *root; /* what of its file system is mounted: "/", or a path in it */
  char *path;
  char *type; /* of the file system: "proc" */
  i32 is_below;
};

/* Is it wanted? `below` is the mount that it lies on; null: none. */
typedef i32 mount_filter(const struct mount_entry *entry, const struct mount_entry *below);
/* `fd` is an O_PATH descriptor of it. -> >= 0 or -errno, which ends the search */
typedef i64 mount_visit(const struct request *request, const struct mount_entry *entry, i32 fd, void *context);

/* Visits every mount that is wanted, children first. One that is covered by another is left out.
 * -> 0 or -errno; -ESTALE: one is not to be found by its path, which somebody has just changed */
i64 mountTableFind(const struct request *request, mount_filter *wants, mount_visit *visit, void *context);
/* Unmounts all that is mounted below, the last first. -> 0 or -errno */
i64 mountTableUnmount(const struct request *request, i32 mount, u64 flags);

#endif
