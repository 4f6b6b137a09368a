/* mount_point.h: the directory or file that something is mounted on. */
#ifndef REEVE_MOUNT_POINT_H
#define REEVE_MOUNT_POINT_H

#include "reeve.h"

/* O_PATH of `path` beneath `root`. With `create`, what is missing is made: directories (0755), and in the
 * last place one, or an empty file (0644) where `is_directory` is 0; never through a link.  -> fd or -errno:
 * ENOENT, EROFS, ELOOP (a link that leads nowhere) */
i64 mountPointOpen(i32 root, const char *path, i32 create, i32 is_directory);

/* Makes `name` in the directory `parent`; that it is there already is no error. -> 0 or -errno */
i64 mountPointMake(i32 parent, const char *name, i32 is_directory);

#endif
