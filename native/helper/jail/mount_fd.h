/* mount_fd.h: mounts named by descriptors, so that nobody can put another directory in the place of the one
 * that was looked at. */
#ifndef REEVE_MOUNT_FD_H
#define REEVE_MOUNT_FD_H

#include "helper/unpack.h"

/* A directory or file, or mount, by its O_PATH descriptor; -1 where there is none. Flags are MS_*. All return
 * >= 0 or -errno. */

/* mount(2) onto `target`. With source_fd that is the source, else the text. Works through the host's /proc,
 * request->state.proc. */
i64 mountAt(const struct request *request, i32 source_fd, const char *source, i32 target, const char *type, u64 flags,
            const char *data);
/* Unmounts what is mounted on `name` in the directory: an open descriptor of the mount itself would keep it
 * busy. A link is not followed; MNT_*. -> 0 or -errno */
i64 umountIn(i32 directory, const char *name, u64 flags);
/* Binds `source` onto `target`; the flags of the source's mount are kept, `flags` added before anybody sees
 * it where the kernel can. -> O_PATH of the new mount, -ENOSYS: this kernel names no mounts by descriptor,
 * and nothing was done. */
i64 bindAttach(const struct request *request, i32 source, i32 target, i32 is_recursive, u64 flags);
/* The same by mount(2), and without flags. `target` remains what is below it: the new mount has to be opened
 * by its path, then checked. */
i64 bindOver(const struct request *request, i32 source, i32 target, i32 is_recursive);
/* Is `opened` the mount that bindOver made? -> 0, or -ESTALE */
i64 bindVerify(const struct request *request, i32 opened, i32 source, i32 target);
/* Adds flags to the mount that `mount` is the root of, and with is_recursive to all below it. */
i64 mountRestrict(const struct request *request, i32 mount, u64 flags, i32 is_recursive);
/* -> the kernel's number of the mount that `fd` lies in. */
i64 mountNumber(const struct request *request, i32 fd);

#endif
