/* signals.h: the signals of a process that begins a role. */
#ifndef REEVE_SIGNALS_H
#define REEVE_SIGNALS_H

#include "reeve.h"

/* Every signal blocked until a role takes it at a time of its own. Inherited dispositions count: with SIGCHLD
 * ignored, the kernel would reap in our place, and a status would be gone. -> those that were ignored, bit
 * n-1 for signal n. */
u64 signalsDefault(void);

/* Ignores these. */
void signalsIgnore(u64 signals);

#endif
