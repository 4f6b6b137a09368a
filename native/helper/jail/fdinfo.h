/* fdinfo.h: what /proc says of an open descriptor. */
#ifndef REEVE_FDINFO_H
#define REEVE_FDINFO_H

#include "reeve.h"

/* The number behind `field` ("mnt_id:\t") in self/fdinfo/FD beneath `proc`, which is an O_PATH descriptor of
 * a /proc. -> >= 0 or -errno */
i64 fdinfoNumber(i32 proc, i32 fd, const char *field);

#endif
