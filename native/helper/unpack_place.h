/* unpack_place.h: the records that say where a child lives. For unpack.c alone. */
#ifndef REEVE_UNPACK_PLACE_H
#define REEVE_UNPACK_PLACE_H

#include "helper/record.h"
#include "helper/unpack.h"

/* Each takes one record into `request`, and returns 1 when it is sound. */
i32 placeSetns(const struct record *record, struct request *request);
i32 placeUnshare(const struct record *record, struct request *request);
i32 placeMount(const struct record *record, struct request *request);
i32 placeRoot(const struct record *record, struct request *request);
i32 placeHostname(const struct record *record, struct request *request);

/* Is nothing asked for that would be done to the caller's own namespaces? All records have been taken. */
i32 placeIsOwn(const struct request *request);
/* Lays out a MOUNT record that placeMount has found sound. */
void placeFillMount(const struct record *record, struct request_mount *mount);

#endif
