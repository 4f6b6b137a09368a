/* init.h: the role init: PID 1, or a subreaper, for one child. */
#ifndef REEVE_INIT_H
#define REEVE_INIT_H

#include "helper/unpack.h"

/* Code that only the start needs: it is unmapped when the child has been started and will not be again. From
 * then on nothing outside of INIT_SOURCES of native/compile.ts is called. */
struct init_spare {
  u64 start;
  u64 size; /* 0: none */
};

#ifdef REEVE_HOSTED
static inline struct init_spare initSpare(void) { return (struct init_spare){0, 0}; }
#else
/* From the linker's script: all that lies before INIT_SOURCES. Nothing where these do not begin with a page
 * of any kernel. */
extern const u8 spareBegin[], residentBegin[];
#if defined(__aarch64__)
enum { LARGEST_PAGE = 65536 };
#else
enum { LARGEST_PAGE = 4096 };
#endif
static inline struct init_spare initSpare(void) {
  if ((u64)residentBegin % LARGEST_PAGE) return (struct init_spare){0, 0};
  return (struct init_spare){(u64)spareBegin, (u64)residentBegin - (u64)spareBegin};
}
#endif

/* Runs the child of the request until it ended for good, then sees to what it left behind. -> the status to
 * exit with: the child's, 128+n for signal n, 127 or 126 where its program is not there or cannot be
 * executed, 125 where it could not be started otherwise. All signals are blocked, all dispositions default.
 */
i32 initRun(struct request *request, struct init_spare spare);
/* The same, and the process ends with that status. */
__attribute__((noreturn)) void initEnd(struct request *request, struct init_spare spare);

#endif
