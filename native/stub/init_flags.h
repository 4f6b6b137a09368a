/* init_flags.h: the flags that people bring from tini and dumb-init, read from the words before "--". */
#ifndef REEVE_INIT_FLAGS_H
#define REEVE_INIT_FLAGS_H

#include "helper/unpack.h"

struct init_flags {
  u32 request; /* REEVE_F_VERBOSE and the like */
  i32 single;  /* signals are for the child alone, which stays in our session; what it leaves is left alone */
  struct request_init init;
};

/* Reads words[0..count). -> 1; 0 when one of them is none of these flags, or has no value that makes sense:
 * then the words mean something else, and `flags` is not to be used. lib/cli/shared/init_flags.ts reads the
 * same language. */
i32 initFlagsRead(char *const *words, i64 count, struct init_flags *flags);

#endif
