/* stopwatch.c: the clock of the bench. Takes CLOCK_MONOTONIC at the event itself and reports it into a FIFO.
 *
 * usage: stopwatch run FIFO COMMAND...   stamps START, starts COMMAND in a session of its own, waits, stamps
 * EXIT
 *        stopwatch kill FIFO PID SIGNAL  stamps SIGNAL, sends it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

static int fifo;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void report(uint32_t what, pid_t pid, uint64_t time, int64_t value) {
  struct bench_record record = {what, pid, time, value, 0};
  if (write(fifo, &record, sizeof record) != (ssize_t)sizeof record) {
    perror("stopwatch: cannot write to the fifo");
    exit(125);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return fputs("usage: stopwatch run FIFO COMMAND... | kill FIFO PID SIGNAL\n", stderr), 2;
  fifo = open(argv[2], O_WRONLY | O_CLOEXEC);
  if (fifo < 0) return perror(argv[2]), 125;
  if (strcmp(argv[1], "kill") == 0 && argc == 5) {
    pid_t pid = atoi(argv[3]);
    if (pid <= 1) return fputs("stopwatch: that is no pid to kill\n", stderr), 2;
    report(BENCH_SIGNAL, pid, now(), 0);
    return kill(pid, atoi(argv[4])) == 0 ? 0 : (perror("stopwatch: cannot kill"), 1);
  }
  uint64_t begun = now();
  pid_t pid = vfork();
  if (pid < 0) return perror("stopwatch: cannot fork"), 125;
  if (pid == 0) {
    setsid();
    execvp(argv[3], argv + 3);
    _exit(127);
  }
  report(BENCH_START, pid, begun, 0);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  report(BENCH_EXIT, pid, now(), status);
  return 0;
}
