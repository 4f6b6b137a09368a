/* step.h: one step of what a child does before it is what it is to be. */
#ifndef REEVE_STEP_H
#define REEVE_STEP_H

#include "helper/unpack.h"

struct step {
  u32 stage; /* enum reeve_stage */
  i64 (*run)(struct request *request); /* >= 0 or -errno */
};

#define STEPS_COUNT(steps) (sizeof(steps) / sizeof(steps)[0])

/* In order, until one fails. -> 0, or its -errno with its stage in *stage. */
static inline i64 stepsRun(const struct step *steps, u64 count, struct request *request, u32 *stage) {
  for (u64 i = 0; i < count; i++) {
    i64 result = steps[i].run(request);
    if (result >= 0) continue;
    *stage = steps[i].stage;
    return result;
  }
  return 0;
}

#endif
