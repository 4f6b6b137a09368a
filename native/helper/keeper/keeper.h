/* keeper.h: the keeper: what it knows, and what its files do for one another.
 *
 * All of it lies in memory that the keeper maps for itself: neither the stub nor the helper has variables.
 */
#ifndef REEVE_KEEPER_H
#define REEVE_KEEPER_H

#include "common/linux.h"
#include "reeve.h"

enum {
  KEEPER_BIRTH_BASE = 512, /* the keeper's own descriptors lie below, those that it holds above */
  KEEPER_OWN_FDS = 3,
  KEEPER_ROOM = KEEPER_OWN_FDS + REEVE_BIRTH_FDS + 1, /* of numbers in a child */
  KEEPER_FDS_MAX = 2 + REEVE_BIRTH_FDS,               /* of one packet */
  KEEPER_PIDS = 1 << 17,                              /* places of the table from pids to slots */
  KEEPER_ENTERING_MAX = 64
};

/* For what runs in a child that shares our memory, on a stack within ours: the sanitizer's marks of its
 * frames would stay there for ours. */
#define ON_SHARED_STACK __attribute__((no_sanitize("address")))

/* How the keeper was started. */
struct keeper_start {
  i32 executable; /* of the core */
  char **argv;    /* the core's */
  char **envp;
  u64 mask;       /* signals that were blocked */
};

struct keeper_held {
  char name[REEVE_HELD_NAME];
  i32 fd; /* -1: the place is free */
  u32 zero;
};

/* A birth into a PID namespace: the helper stays outside until it has told whom it made
 * (helper/jail/enter.c). */
struct keeper_entering {
  i32 outside; /* its pid; 0: the place is free */
  i32 talk;
  u32 slot;
  u32 is_nested;
  u32 is_over; /* the helper outside has ended */
  i32 words[2];
  u64 id; /* of the core's request */
  i64 until; /* milliseconds; when is_over: how long the one between may take */
};

struct keeper {
  struct keeper_start start;
  struct reeve_table *table;
  i32 table_fd;
  i32 epoch_pid; /* our own */
  i32 is_first;  /* PID 1 */
  i32 socket;    /* to the core; -1: there is none */
  i32 signal_fd;
  i32 helper_fd; /* -1: no core has given it yet */
  i32 report[2];
  i32 life[2];
  i32 birth_base;
  u32 birth_fds;
  i32 held_base; /* the least number of what is held */
  i32 is_narrow; /* there are few descriptors, and each has its place */
  struct linux_rlimit nofile; /* as we were started */

  u64 signals;         /* that have come and no core has acknowledged */
  u64 told_signals;    /* those of them that the present core has been told */
  u64 told_signals_at; /* with which packet */
  u64 sent;            /* number of the last packet of ours that wants to be acknowledged */
  u64 acknowledged;
  i64 waiting_since; /* milliseconds: since when a packet waits for that; 0: none does */

  struct {
    i32 pid; /* 0: there is none */
    u32 generation;
    u32 reason; /* of the next one's start */
    i32 status; /* of the last one */
    i32 was_up; /* some core has said UP */
    i32 leaves; /* this one has said LEAVE */
    i32 code;
    i32 next;       /* this one has said NEXT */
    i32 has_spoken; /* this one has said HELLO */
    i64 started;    /* milliseconds */
    i64 next_start; /* when the next one is due; 0: it is not */
    u32 deaths;     /* in a row without a word */
    i64 died[3];    /* when the last three did */
    u32 stops_lost; /* cores that died with a stop unacknowledged */
    i32 untrusted;
    u32 killed_for; /* enum reeve_core_reason, by the keeper; 0: it is not */
    i64 limit;      /* milliseconds that an answer to a signal may take */
    u64 cpu;        /* what it had used when it was last looked at */
  } core;

  struct {
    i32 pid;    /* 0: there is none */
    i32 socket; /* its end of life */
  } second;

  struct {
    i32 pid; /* of the entrypoint's COMMAND; 0: there is none */
    i32 has_terminal;
    i32 is_stopped;
  } command;

  struct {
    u32 head; /* ring of slots whose end is to be told */
    u32 tail;
    u32 *slots;
    u32 orphans; /* since the last packet */
    u32 orphan_at; /* how many there were before the next one */
    struct reeve_orphan *listed;
  } dead;

  u32 *pids; /* pid to slot + 1, open addressing */
  struct keeper_held *held;
  u32 nheld;
  struct keeper_entering *entering;
  u32 nentering;

  i32 ending; /* -1: it goes on; else the exit code */
  struct {
    i32 runs; /* the keeper stops all by itself */
    i64 kill_at;
  } stop;

  u8 *in; /* one packet */
  u8 *out;
  i32 fds[KEEPER_FDS_MAX]; /* that came with it */
  u32 nfds;
  i32 is_cut; /* there was no room for all of them */
};

/* keeper.c: never returns: the process ends with the instance's exit code. */
__attribute__((noreturn)) void keeperRun(const struct keeper_start *start);

/* Another number for *fd, `least` or above. -> 0 or -errno */
i64 keeperMove(i32 *fd, i32 least);
/* The places of those that come later, where there are few. */
enum keeper_place { PLACE_SOCKET = 8, PLACE_SECOND = 9, PLACE_HELPER = 12 };
i64 keeperPlace(const struct keeper *keeper, i32 *fd, enum keeper_place number);

/* table.c */
i64 tableOpen(struct keeper *keeper);
/* -> a free slot, in state BIRTH and with an id; -ENOSPC */
i64 tableTake(struct keeper *keeper);
void tableGive(struct keeper *keeper, u32 slot);
/* -> the slot that is meant, or null */
struct reeve_slot *tableFind(struct keeper *keeper, const struct reeve_ref *ref);
void tableSetPid(struct keeper *keeper, i32 pid, u32 slot);
void tableForgetPid(struct keeper *keeper, i32 pid);
/* -> the slot of the child `pid`, or -1 */
i64 tableOfPid(const struct keeper *keeper, i32 pid);

/* packets.c */
void packetsReceive(struct keeper *keeper);
/* -> 0 or -errno; -EAGAIN: the core does not read at the moment */
i64 packetSend(struct keeper *keeper, u32 kind, u64 id, const void *body, u32 size, i32 fd);
/* One that the core acknowledges. */
i64 packetTell(struct keeper *keeper, u32 kind, const void *body, u32 size);
void packetAnswer(struct keeper *keeper, u64 id, i64 result);

/* birth.c: what has come with the packet is in keeper->fds. */
void birthAnswer(struct keeper *keeper, u64 id, const struct reeve_birth *birth);
void birthAdopt(struct keeper *keeper, u64 id, const struct reeve_adoption *adoption);
i64 birthLetIn(struct keeper *keeper, const struct reeve_ref *ref);
/* A slot's child exists: it is on record, and the core is told. */
void birthDone(struct keeper *keeper, u64 id, u32 slot, i64 pid);
/* The start of a helper: argv and the descriptors of keeper->fds from `first` on. -> pid or -errno */
struct helper_start {
  char **argv;
  i32 request;
  i32 gate; /* -1: none */
  const i32 *fds;
  u32 nfds;
  i32 also[2]; /* whose close-on-exec flags are cleared; -1: none */
  u64 clone_flags;
  i32 *parent_tid; /* where its pid is written before it runs */
};
i64 helperStart(struct keeper *keeper, struct helper_start *start);

/* entering.c */
i64 enteringBegin(struct keeper *keeper, u64 id, u32 slot, const struct reeve_birth *birth);
/* The helper outside `pid` is about to be reaped. -> 1: it was one of these */
i32 enteringOver(struct keeper *keeper, i32 pid);
/* Takes what is said, and gives up who is late. */
void enteringLook(struct keeper *keeper);
/* -> milliseconds until it is to be looked at again; -1: not before something is said */
i64 enteringDue(const struct keeper *keeper);

/* deaths.c */
void deathsReap(struct keeper *keeper);
void deathsTell(struct keeper *keeper);
/* All ends that nobody has taken are to be told (again). */
void deathsAgain(struct keeper *keeper);
/* Signals a child. -> 0, -ESRCH */
i64 deathsSignal(const struct reeve_slot *slot, u32 signal, u32 flags);

/* foreground.c */
void foregroundBorn(struct keeper *keeper, i32 pid);
void foregroundEnded(struct keeper *keeper, i32 pid);
void foregroundGiveBack(const struct keeper *keeper);
/* For SIGCHLD: it may have stopped and not ended. */
void foregroundLook(struct keeper *keeper);
void foregroundContinued(struct keeper *keeper);

/* held.c: -> 0, a descriptor, a count, or -errno */
i64 heldPut(struct keeper *keeper, const struct reeve_name *name, i32 fd);
i64 heldFind(const struct keeper *keeper, const struct reeve_name *name);
i64 heldDrop(struct keeper *keeper, const struct reeve_name *name);
u32 heldNames(const struct keeper *keeper, u32 from, u8 *out, u32 room);

/* core.c */
void coreStart(struct keeper *keeper);
void coreEnded(struct keeper *keeper, i32 status);
/* Says something that no core says. */
void coreMalformed(struct keeper *keeper);
void coreAcknowledged(struct keeper *keeper, u64 id);
/* Kills one that hangs, starts the one that is due. */
void coreLook(struct keeper *keeper);
i64 coreDue(const struct keeper *keeper);
/* Something has happened: the pause before the next core ends. */
void coreWake(struct keeper *keeper);

/* signals.c */
i64 signalsOpen(struct keeper *keeper);
void signalsTake(struct keeper *keeper);
void signalsTell(struct keeper *keeper);
/* -> those of `signals` that end an instance */
u64 signalsStop(u64 signals);

/* last_stop.c: without a core. */
void lastStopBegin(struct keeper *keeper);
void lastStopLook(struct keeper *keeper);
i64 lastStopDue(const struct keeper *keeper);
/* The instance is over: ends what must not outlive it, then the process. */
__attribute__((noreturn)) void lastStopEnd(struct keeper *keeper);

/* second.c */
void secondStart(struct keeper *keeper);
void secondEnded(struct keeper *keeper);
/* KILL to each dumb child in the table and to all that bear their marks, until none is left. */
void secondSweep(const struct reeve_table *table, i32 is_keeper);

/* process.c */
/* -> start time of a process in clock ticks since boot; 0: not known */
u64 processStartTime(i32 pid);
/* The same of one that is not dead; 0: it is, or is not there */
u64 processAlive(i32 pid);
/* -> the clock ticks that it has run */
u64 processCpuTime(i32 pid);
u64 bootNanoseconds(void);

#endif
