/* process.c: what /proc tells of one process, and the time. */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"

enum { CLOCK_BOOTTIME = 7, STAT_SIZE = 1024 };
/* Fields of /proc/PID/stat, counted from the one behind the name, which is in brackets. */
enum { FIELD_USER_TIME = 11, FIELD_SYSTEM_TIME = 12, FIELD_START = 19 };

u64 bootNanoseconds(void) {
  struct linux_timespec time = {0, 0};
  syscall2(SYS_CLOCK_GETTIME, CLOCK_BOOTTIME, P(&time));
  return (u64)time.seconds * 1000000000ul + (u64)time.nanoseconds;
}

/* -> how many bytes of /proc/PID/stat are in `text`; <= 0: there is none */
static i64 readStat(i32 pid, char text[STAT_SIZE]) {
  struct text_line path;
  lineStart(&path);
  lineText(&path, "/proc/");
  lineNumber(&path, (u64)pid);
  lineText(&path, "/stat");
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 count = syscall3(SYS_READ, A(fd), P(text), STAT_SIZE);
  syscall1(SYS_CLOSE, A(fd));
  return count;
}

static u64 field(const char *text, i64 count, u32 wanted) {
  u64 number = 0;
  i64 at = count - 1;
  while (at >= 0 && text[at] != ')') at--;
  if (at < 0) return 0;
  at += 2;
  for (u32 index = 0; index < wanted && at < count; at++)
    if (text[at] == ' ') index++;
  for (; at < count && text[at] >= '0' && text[at] <= '9'; at++) number = number * 10 + (u64)(text[at] - '0');
  return number;
}

/* -> the letter of proc(5); 0: there is no such process */
static char stateOf(const char *text, i64 count) {
  i64 at = count - 1;
  while (at >= 0 && text[at] != ')') at--;
  return at >= 0 && at + 2 < count ? text[at + 2] : 0;
}

u64 processAlive(i32 pid) {
  char text[STAT_SIZE];
  i64 count = readStat(pid, text);
  char state = count > 0 ? stateOf(text, count) : 0;
  return state == 0 || state == 'Z' || state == 'X' ? 0 : field(text, count, FIELD_START);
}

u64 processStartTime(i32 pid) {
  char text[STAT_SIZE];
  i64 count = readStat(pid, text);
  return count > 0 ? field(text, count, FIELD_START) : 0;
}

u64 processCpuTime(i32 pid) {
  char text[STAT_SIZE];
  i64 count = readStat(pid, text);
  return count > 0 ? field(text, count, FIELD_USER_TIME) + field(text, count, FIELD_SYSTEM_TIME) : 0;
}
