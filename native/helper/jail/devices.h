/* devices.h: the devices that every program expects, in a /dev. */
#ifndef REEVE_DEVICES_H
#define REEVE_DEVICES_H

#include "helper/unpack.h"

/* As REEVE_M_DEVICES says, in the directory behind `directory` (O_PATH). -> 0 or -errno */
i64 devicesMake(const struct request *request, i32 directory);

#endif
