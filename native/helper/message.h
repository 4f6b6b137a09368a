/* message.h: the few lines that the role init writes to stderr, for people. */
#ifndef REEVE_MESSAGE_H
#define REEVE_MESSAGE_H

#include "reeve.h"

/* reeve: cannot start "FILE": STAGE: TEXT OF ERRNO */
void messageCannotStart(const char *file, u32 stage, i32 error);
/* reeve: WHAT: TEXT OF ERRNO */
void messageErrno(const char *what, i32 error);
/* reeve: the core died of signal N, WHAT_NOW */
void messageDeath(i32 signal, const char *what_now);

/* reeve: started "FILE" (pid N) */
void messageStarted(const char *file, i32 pid);
/* reeve: signal N is passed on, or as M, or is not */
void messageSignal(i32 signal, i32 told);
/* reeve: reaped an orphan (pid N) */
void messageReaped(i32 pid);
/* reeve: the command ended with code N */
void messageEnded(i32 code);

#endif
