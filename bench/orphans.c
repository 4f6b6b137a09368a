/* orphans.c: makes COUNT orphans, lets all of them end at once and waits until PID 1 has reaped every one.
 *
 * usage: orphans FIFO COUNT [stay] Reports READY when all orphans exist and are released, and REAPED when no
 * pid of theirs is left: making them is no part of the measure. Then it ends with 0, or waits when told to
 * stay: a supervisor would only start it again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

static void report(int fifo, uint32_t what, int64_t value) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  struct bench_record record = {
    what, getpid(), (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec, value, 0
  };
  if (write(fifo, &record, sizeof record) != (ssize_t)sizeof record) exit(125);
}

int main(int argc, char **argv) {
  if (argc < 3) return fputs("usage: orphans FIFO COUNT [stay]\n", stderr), 2;
  int fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
  int count = atoi(argv[2]);
  if (fifo < 0 || count < 1) return perror("orphans"), 125;
  volatile pid_t *pids = mmap(0, sizeof(pid_t) * (size_t)count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pids == MAP_FAILED) return perror("orphans: mmap"), 125;

  int gate[2];
  if (pipe(gate) < 0) return perror("orphans: pipe"), 125;
  pid_t middle = fork();
  if (middle < 0) return perror("orphans: fork"), 125;
  if (middle == 0) {
    close(gate[1]);
    for (int i = 0; i < count; i++) {
      char byte;
      pid_t orphan = fork();
      if (orphan == 0) _exit(read(gate[0], &byte, 1) != 0);
      if (orphan < 0) _exit(1);
      pids[i] = orphan;
    }
    _exit(0);
  }
  close(gate[0]);
  int status = 0;
  while (waitpid(middle, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return fputs("orphans: cannot fork an orphan\n", stderr), 125;
  report(fifo, BENCH_READY, 0);
  close(gate[1]);
  for (int i = 0; i < count; i++) {
    struct timespec pause = {0, 50000};
    while (kill(pids[i], 0) == 0 || errno == EPERM) nanosleep(&pause, NULL);
  }
  report(fifo, BENCH_REAPED, count);
  if (argc > 3) pause();
  return 0;
}
