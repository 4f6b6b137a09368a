/* keeper.c: the keeper's one loop: signals, the core's packets, what is due. It has no configuration, reads
 * no file but what /proc says of a process, parses no text and decides nothing about a daemon.
 */
#include "helper/keeper/keeper.h"

#include "common/memory.h"
#include "common/syscall.h"
#include "common/text.h"
#include "helper/message.h"

/* Where few descriptors can be had, each has its place: in a child the numbers from NARROW_BASE on are free
 * to be used anew, for what is there is the keeper's alone, and what a child needs lies behind them. */
enum {
  NARROW_BELOW = 128,
  NARROW_BASE = 3,
  NARROW_FDS = 3,
  NARROW_NEEDED = 10,
  NARROW_FREE = 13
};

/* Zeroes that nobody has touched cost nothing. -> null: there is no memory */
static void *room(u64 size) {
  u64 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  i64 result = syscall6(SYS_MMAP, 0, size, PROT_READ | PROT_WRITE, flags, A(-1), 0);
  return result < 0 && result > -4096 ? 0 : (void *)result;
}

/* Children get the limits that we were started with; we need a descriptor for each that is held. */
static void raiseFiles(struct keeper *keeper) {
  enum { WANTED = KEEPER_BIRTH_BASE + KEEPER_ROOM + REEVE_HELD_MAX };
  struct linux_rlimit limit = {0, 0};
  syscall4(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, 0, P(&keeper->nofile));
  limit = keeper->nofile;
  limit.soft = limit.hard;
  if (limit.hard < WANTED) {
    struct linux_rlimit more = {WANTED, WANTED};
    if (syscall4(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, P(&more), 0) >= 0) limit = more;
  }
  syscall4(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, P(&limit), 0);
  keeper->birth_base = KEEPER_BIRTH_BASE;
  keeper->held_base = KEEPER_BIRTH_BASE + KEEPER_ROOM;
  keeper->birth_fds = REEVE_BIRTH_FDS;
  if (limit.soft >= WANTED) return;
  if (limit.soft < NARROW_BELOW) {
    keeper->is_narrow = 1;
    keeper->birth_base = NARROW_BASE;
    keeper->birth_fds = NARROW_FDS;
    keeper->held_base = NARROW_FREE;
    return;
  }
  /* A third for what comes, a third for births, a third for what is held. */
  u32 third = (u32)(limit.soft / 3);
  keeper->birth_base = (i32)third;
  keeper->birth_fds = third - 20 < REEVE_BIRTH_FDS ? third - 20 : REEVE_BIRTH_FDS;
  keeper->held_base = (i32)(2 * third);
}

/* -> 0 or -errno */
static i64 place(i32 *fd, i32 number) {
  if (*fd == number) return 0;
  i64 result = syscall3(SYS_DUP3, A(*fd), A(number), O_CLOEXEC);
  if (result < 0) return result;
  syscall1(SYS_CLOSE, A(*fd));
  *fd = number;
  return 0;
}

/* The keeper's own come first, then those that its children need. */
static i64 placeAll(struct keeper *keeper) {
  i32 *const own[] = {&keeper->start.executable, &keeper->signal_fd, &keeper->report[0], &keeper->life[1],
                      &keeper->table_fd};
  i32 *const needed[] = {&keeper->report[1], &keeper->life[0]};
  i64 result = 0;
  for (u32 pass = 0; pass < 2; pass++) {
    for (u32 i = 0; i < 5 && result >= 0; i++) {
      if (*own[i] >= 0) result = pass ? place(own[i], NARROW_BASE + (i32)i) : keeperMove(own[i], NARROW_FREE);
    }
    for (u32 i = 0; i < 2 && result >= 0; i++) {
      result = pass ? place(needed[i], NARROW_NEEDED + (i32)i) : keeperMove(needed[i], NARROW_FREE);
    }
  }
  /* Nothing else may come to lie in the places of those that come later. */
  const i32 later[] = {PLACE_SOCKET, PLACE_SECOND, PLACE_HELPER};
  for (u32 i = 0; i < 3 && result >= 0; i++) {
    result = syscall3(SYS_DUP3, A(keeper->signal_fd), A(later[i]), O_CLOEXEC);
  }
  return result;
}

i64 keeperMove(i32 *fd, i32 least) {
  i64 copy = syscall3(SYS_FCNTL, A(*fd), F_DUPFD_CLOEXEC, A(least));
  if (copy < 0) return copy == -EINVAL ? -EMFILE : copy;
  syscall1(SYS_CLOSE, A(*fd));
  *fd = (i32)copy;
  return 0;
}

i64 keeperPlace(const struct keeper *keeper, i32 *fd, enum keeper_place number) {
  return keeper->is_narrow ? place(fd, (i32)number) : 0;
}

static i32 begins(const char *text, const char *beginning) {
  while (*beginning && *text == *beginning) text++, beginning++;
  return *beginning == 0;
}

/* The core's environment: without what was meant for us, and with room for what core.c adds. */
static i64 takeEnvironment(struct keeper *keeper) {
  char *const *before = keeper->start.envp;
  u64 count = 0, used = 0;
  while (before[count]) count++;
  char **copy = room((count + 2) * sizeof copy[0]);
  if (!copy) return -ENOMEM;
  for (u64 i = 0; i < count; i++) {
    i32 is_ours = begins(before[i], "REEVE_INTERNAL_INSTANCE=") || begins(before[i], "REEVE_INTERNAL_KEEPER=");
    if (!is_ours) copy[used++] = before[i];
  }
  keeper->start.envp = copy;
  return 0;
}

static i64 prepare(struct keeper *keeper) {
  keeper->epoch_pid = (i32)syscall0(SYS_GETPID);
  keeper->is_first = keeper->epoch_pid == 1;
  keeper->socket = keeper->helper_fd = -1;
  keeper->ending = -1;
  keeper->in = room(REEVE_PACKET_MAX);
  keeper->out = room(REEVE_PACKET_MAX);
  keeper->pids = room(KEEPER_PIDS * sizeof keeper->pids[0]);
  keeper->dead.slots = room(REEVE_SLOTS * sizeof keeper->dead.slots[0]);
  keeper->dead.listed = room(REEVE_ORPHANS_MAX * sizeof keeper->dead.listed[0]);
  keeper->held = room(REEVE_HELD_MAX * sizeof keeper->held[0]);
  keeper->entering = room(KEEPER_ENTERING_MAX * sizeof keeper->entering[0]);
  if (!keeper->in || !keeper->out || !keeper->pids || !keeper->dead.slots || !keeper->dead.listed || !keeper->held ||
      !keeper->entering) {
    return -ENOMEM;
  }
  i64 result = takeEnvironment(keeper);
  if (result < 0) return result;
  raiseFiles(keeper);
  /* Nobody of our user may look at what we hold. */
  syscall5(SYS_PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!keeper->is_first) syscall5(SYS_PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  result = signalsOpen(keeper);
  if (result >= 0) result = syscall2(SYS_PIPE2, P(keeper->report), O_CLOEXEC | O_NONBLOCK);
  if (result >= 0) result = syscall2(SYS_PIPE2, P(keeper->life), O_CLOEXEC);
  if (result >= 0) result = tableOpen(keeper);
  return result >= 0 && keeper->is_narrow ? placeAll(keeper) : result;
}

static i64 soonest(i64 one, i64 other) { return one < 0 || (other >= 0 && other < one) ? other : one; }

static void waitForSomething(struct keeper *keeper) {
  struct linux_pollfd polls[2 + KEEPER_ENTERING_MAX];
  struct linux_timespec time = {0, 0};
  u32 count = 1;
  polls[0] = (struct linux_pollfd){keeper->signal_fd, POLLIN, 0};
  if (keeper->socket >= 0) {
    short more = keeper->dead.head != keeper->dead.tail && keeper->core.has_spoken ? POLLOUT : 0;
    polls[count++] = (struct linux_pollfd){keeper->socket, (short)(POLLIN | more), 0};
  }
  for (u32 i = 0; i < KEEPER_ENTERING_MAX && keeper->nentering; i++) {
    const struct keeper_entering *entering = &keeper->entering[i];
    if (entering->outside && entering->is_over) polls[count++] = (struct linux_pollfd){entering->talk, POLLIN, 0};
  }
  i64 due = soonest(coreDue(keeper), soonest(lastStopDue(keeper), enteringDue(keeper)));
  if (due >= 0) time = (struct linux_timespec){due / 1000, due % 1000 * 1000000};
  syscall5(SYS_PPOLL, P(polls), count, due >= 0 ? P(&time) : 0, 0, SIGNAL_SET_SIZE);
}

void keeperRun(const struct keeper_start *start) {
  struct keeper *keeper = room(sizeof *keeper);
  i64 result = keeper ? 0 : -ENOMEM;
  if (result >= 0) {
    keeper->start = *start;
    result = prepare(keeper);
  }
  if (result < 0) {
    messageErrno("cannot start: the keeper", (i32)-result);
    exitProcess(1);
  }
  coreStart(keeper);
  while (keeper->ending < 0) {
    waitForSomething(keeper);
    signalsTake(keeper);
    if (keeper->socket >= 0) packetsReceive(keeper);
    enteringLook(keeper);
    deathsTell(keeper);
    coreLook(keeper);
    lastStopLook(keeper);
  }
  lastStopEnd(keeper);
}
