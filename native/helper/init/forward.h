/* forward.h: waiting for one child, and passing on to it the signals that come meanwhile. */
#ifndef REEVE_FORWARD_H
#define REEVE_FORWARD_H

#include "reeve.h"

struct forward {
  i32 pid;       /* of the child */
  i32 own_group; /* the child leads a process group */
  i32 by_group;  /* signals go to that group, else to the child alone */
  i32 terminal;  /* the child's fd 0, where it is to have the foreground; else -1 */
  i32 is_job;    /* what stops a job stops the child, and us after it */
  i32 is_first;  /* PID 1: the kernel does not stop us, but drops a CONT that waits for us when we try */
  i32 verbose;   /* a line for each signal */
  i32 tell_reaped; /* a line for each orphan */
  const u8 *rewrite; /* as struct request_init has it */
  i32 stopping;  /* a signal that asks for the end was forwarded, at `stop_at` */
  u64 forwarded; /* signals that went to the present child */
  i64 stop_at;
  /* called when SIGIO says that a descriptor has news; null: SIGIO is forwarded like any other */
  void (*input)(void *context);
  void *context;
};

/* -> the wait status of the child, once it has ended. All signals are blocked. */
i32 forwardWait(struct forward *forward);
/* Reaps all that is dead. -> 1 when the child is among it, with its wait status. */
i32 forwardReap(const struct forward *forward, i32 *child_status);

#endif
