/* signals.h: the signals of a process that begins a role. */
#ifndef REEVE_SIGNALS_H
#define REEVE_SIGNALS_H

/* Every signal blocked until a role takes it at a time of its own. Inherited dispositions count: with SIGCHLD ignored, the kernel would
 * reap in our place, and a status would be gone. */
void signalsDefault(void);

#endif
