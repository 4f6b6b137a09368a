/* child.h: the role exec: this process becomes the program of a request. */
#ifndef REEVE_CHILD_H
#define REEVE_CHILD_H

#include "helper/unpack.h"

/* Maps the request behind `fd`, closes fd, checks and lays it out. The request stays mapped.
 * -> 0 or -errno; `request` tells whom to report to even then. */
i64 childLoad(i32 fd, struct request *request);

/* Gives back the memory of a request that is done with. */
void childUnload(struct request *request);

/* The steps before the namespaces: session, limits, cpus, nice, oom_score_adj. -> 0, or -errno with the stage
 * that failed */
i64 childPrepare(struct request *request, u32 *stage);
/* Waits for the word of the parent, where the request has a GATE: it ends with the parent until then. -> 0 or
 * -errno */
i64 childWaitAtGate(struct request *request);
/* The parent-death signal, and whether the parent was gone before. -> 0 or -errno */
i64 childParentDeath(struct request *request);

/* Does every step and executes. Every signal is blocked until then, so that no default disposition ends us
 * half way: whoever wants us gone has SIGKILL, and what else comes meanwhile reaches the program. What fails
 * is reported to request->report_fd, then the process exits with 127 (the program does not exist), 126 (it
 * cannot be executed) or 125 (a step before). Changes `request`: call it in a process of its own.
 * `is_confined`: what childPrepare and confine do was done by the process that it was forked from, limits
 * aside. */
__attribute__((noreturn)) void childBecome(struct request *request, i32 is_confined);

/* One report of a step that failed with `error` (positive), where there is a reader. */
void childReport(const struct request *request, u32 stage, i32 error);

#endif
