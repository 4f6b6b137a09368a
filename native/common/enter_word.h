/* enter_word.h: what those who enter a PID namespace (enter.c) tell who sent them (spawn.c): one message
 * each, in any order. */
#ifndef REEVE_ENTER_WORD_H
#define REEVE_ENTER_WORD_H

#include "reeve.h"

enum enter_speaker {
  ENTER_OUTSIDE = 0, /* who stays outside, of whom it made inside */
  ENTER_BETWEEN = 1, /* who is inside, of PID 1 of the namespace that it made there */
  ENTER_SPEAKERS = 2
};

struct enter_word {
  u32 speaker;
  i32 word; /* a pid as the supervisor has it, or -errno; never 0 */
};

#endif
