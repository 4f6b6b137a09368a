/* second.c: the process that ends the dumb daemons, and a core that hangs, when the keeper is gone. It sleeps
 * on a socket of which the keeper alone has the other end, has nothing open beside it, and reads the table,
 * which the two share. Must never signal a process whose identity it has not seen in the same breath.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"
#include "helper/exec/descriptors.h"

enum {
#if defined(__x86_64__)
  SYS_MPROTECT_CALL = 10,
#else
  SYS_MPROTECT_CALL = 226,
#endif
  ROUNDS = 200,
  ROUND_WAIT_MS = 5
};

/* By a descriptor where the kernel has them: what is signalled is what was looked at. */
static void killSame(i32 pid, u64 start_time) {
  i64 pidfd = syscall2(SYS_PIDFD_OPEN, A(pid), 0);
  if (processStartTime(pid) == start_time && start_time != 0) {
    if (pidfd >= 0) syscall4(SYS_PIDFD_SEND_SIGNAL, A(pidfd), SIGKILL, 0, 0);
    else if (pidfd == -ENOSYS) syscall2(SYS_KILL, A(pid), SIGKILL);
  }
  if (pidfd >= 0) syscall1(SYS_CLOSE, A(pidfd));
}

static i32 isMark(const struct reeve_table *table, u64 mark) {
  for (u32 i = 0; i < table->used; i++) {
    const struct reeve_slot *slot = &table->slots[i];
    if (slot->mark == mark && slot->flags & REEVE_B_DUMB && slot->state != REEVE_SLOT_FREE) return 1;
  }
  return 0;
}

/* The number in the line "Max file locks" of /proc/PID/limits; 0: there is none. */
static u64 markOf(const char *name) {
  static const char LINE[] = "Max file locks";
  char text[2048];
  struct text_line path;
  u64 number = 0;
  lineStart(&path);
  lineText(&path, "/proc/");
  lineText(&path, name);
  lineText(&path, "/limits");
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  i64 count = syscall3(SYS_READ, A(fd), P(text), sizeof text);
  syscall1(SYS_CLOSE, A(fd));
  for (i64 at = 0; at + (i64)sizeof LINE < count; at++) {
    if (memcmp(text + at, LINE, sizeof LINE - 1) != 0) continue;
    for (at += sizeof LINE - 1; at < count && text[at] == ' '; at++) continue;
    for (; at < count && text[at] >= '0' && text[at] <= '9'; at++) number = number * 10 + (u64)(text[at] - '0');
    return number;
  }
  return 0;
}

/* -> how many that bear a mark of the table's were there */
static u32 killMarked(const struct reeve_table *table) {
  u64 buffer[1024];
  u32 found = 0;
  i64 self = syscall0(SYS_GETPID);
  i64 count = 0;
  i64 dir = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir < 0) return 0;
  while ((count = syscall3(SYS_GETDENTS64, A(dir), P(buffer), sizeof buffer)) > 0) {
    for (i64 at = 0; at < count;) {
      const struct linux_dirent *entry = (const void *)((const u8 *)buffer + at);
      i64 pid = textToNumber(entry->name);
      at += entry->length;
      if (pid <= 1 || pid == self) continue;
      u64 start_time = processAlive((i32)pid);
      u64 mark = start_time ? markOf(entry->name) : 0;
      if (mark >> 62 != 1 || !isMark(table, mark)) continue;
      found++;
      killSame((i32)pid, start_time);
    }
  }
  syscall1(SYS_CLOSE, A(dir));
  return found;
}

static i32 hasMarks(const struct reeve_table *table) {
  for (u32 i = 0; i < table->used; i++)
    if (table->slots[i].mark && table->slots[i].flags & REEVE_B_DUMB) return 1;
  return 0;
}

void secondSweep(const struct reeve_table *table, i32 is_keeper) {
  if (!is_keeper && table->core_pid > 0) killSame(table->core_pid, table->core_start);
  for (u32 i = 0; i < table->used; i++) {
    const struct reeve_slot *slot = &table->slots[i];
    i32 lives = slot->state == REEVE_SLOT_ALIVE || slot->state == REEVE_SLOT_BIRTH;
    if (lives && slot->flags & REEVE_B_DUMB && slot->pid > 1) killSame(slot->pid, slot->start_time);
  }
  if (!hasMarks(table)) return;
  /* A process that is forked while we look is there at the next look. */
  for (u32 i = 0; i < ROUNDS; i++) {
    struct linux_timespec wait = {0, ROUND_WAIT_MS * 1000000l};
    while (is_keeper && syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0) > 0) continue;
    if (killMarked(table) == 0) return;
    syscall5(SYS_PPOLL, 0, 0, P(&wait), 0, SIGNAL_SET_SIZE);
  }
}

/* ps shows what it is; the words lie one after the other. */
static void takeName(char **argv) {
  static const char NAME[] = "rv-second";
  char *last = argv[0];
  for (u32 i = 0; argv[i]; i++) last = argv[i];
  char *end = last + textLength(last);
  u32 index = 0;
  for (char *at = argv[0]; at < end; at++) *at = index < sizeof NAME ? NAME[index++] : 0;
  syscall5(SYS_PRCTL, PR_SET_NAME, P(NAME), 0, 0, 0);
}

__attribute__((noreturn)) static void run(const struct keeper *keeper, i32 socket) {
  struct linux_pollfd poll = {socket, POLLIN, 0};
  struct reeve_table *table = keeper->table;
  syscall0(SYS_SETSID);
  syscall1(SYS_CHDIR, P("/"));
  takeName(keeper->start.argv);
  syscall3(SYS_MPROTECT_CALL, P(table), sizeof *table, PROT_READ);
  descriptorsCloseBut(socket);
  /* All signals are blocked: nothing but the end of the keeper ends this. */
  while (syscall5(SYS_PPOLL, P(&poll), 1, 0, 0, SIGNAL_SET_SIZE) <= 0) continue;
  secondSweep(table, 0);
  exitProcess(0);
}

void secondStart(struct keeper *keeper) {
  i32 ends[2] = {-1, -1};
  if (keeper->second.pid || keeper->is_first) return;
  if (syscall4(SYS_SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, P(ends)) < 0) return;
  i64 pid = syscall5(SYS_CLONE, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    run(keeper, ends[1]);
  }
  syscall1(SYS_CLOSE, A(ends[1]));
  if (pid < 0) {
    syscall1(SYS_CLOSE, A(ends[0]));
    return;
  }
  keeper->second.pid = (i32)pid;
  keeper->second.socket = ends[0];
  keeperPlace(keeper, &keeper->second.socket, PLACE_SECOND);
}

void secondEnded(struct keeper *keeper) {
  syscall1(SYS_CLOSE, A(keeper->second.socket));
  keeper->second.pid = 0;
  secondStart(keeper);
}
