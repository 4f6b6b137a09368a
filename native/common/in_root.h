/* in_root.h: opening a path with a directory in the place of "/". */
#ifndef REEVE_IN_ROOT_H
#define REEVE_IN_ROOT_H

#include "reeve.h"

/* As reeve_open_in_root of reeve.h says. -> fd, close-on-exec, or -errno. */
i64 openInRoot(i32 root, const char *path, u64 flags, u32 mode, u32 walk);

#endif
