/* packets.c: what keeper and core say to each other, one packet at a time. A packet that is not as reeve.h
 * has it is no core's: nothing of it is done. Sending never waits.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"

enum {
#if defined(__x86_64__)
  SYS_SENDMSG_CALL = 46,
  SYS_RECVMSG_CALL = 47,
#else
  SYS_SENDMSG_CALL = 211,
  SYS_RECVMSG_CALL = 212,
#endif
  SCM_RIGHTS_TYPE = 1,
  MSG_CTRUNC_FLAG = 8,
  MSG_TRUNC_FLAG = 0x20,
  MSG_CMSG_CLOEXEC_FLAG = 0x40000000,
  PACKETS_AT_ONCE = 256 /* then signals, deaths and timers have their turn */
};

struct part {
  u64 base;
  u64 length;
};

struct message {
  u64 name;
  u32 name_length;
  u32 pad0;
  u64 parts;
  u64 part_count;
  u64 control;
  u64 control_length;
  u32 flags;
  u32 pad1;
};

struct rights {
  u64 length;
  i32 level;
  i32 type;
  i32 fds[KEEPER_FDS_MAX + 2];
};

i64 packetSend(struct keeper *keeper, u32 kind, u64 id, const void *body, u32 size, i32 fd) {
  struct reeve_packet head = {kind, (u32)sizeof head + size, id};
  struct part parts[2] = {{P(&head), sizeof head}, {P(body), size}};
  struct rights rights = {sizeof(u64) + 2 * sizeof(i32) + sizeof fd, SOL_SOCKET, SCM_RIGHTS_TYPE, {fd}};
  struct message message = {0, 0, 0, P(parts), size ? 2 : 1, 0, 0, 0, 0};
  if (keeper->socket < 0) return -EPIPE;
  if (fd >= 0) {
    message.control = P(&rights);
    message.control_length = (rights.length + 7) & ~7ul;
  }
  i64 sent = syscall3(SYS_SENDMSG_CALL, A(keeper->socket), P(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? sent : 0;
}

i64 packetTell(struct keeper *keeper, u32 kind, const void *body, u32 size) {
  i64 result = packetSend(keeper, kind, keeper->sent + 1, body, size, -1);
  if (result < 0) return result;
  keeper->sent++;
  if (!keeper->waiting_since) keeper->waiting_since = (i64)(bootNanoseconds() / 1000000);
  return 0;
}

void packetAnswer(struct keeper *keeper, u64 id, i64 result) {
  packetSend(keeper, REEVE_K_ANSWER, id, &result, sizeof result, -1);
}

static void closeFds(struct keeper *keeper) {
  for (u32 i = 0; i < keeper->nfds; i++)
    if (keeper->fds[i] >= 0) syscall1(SYS_CLOSE, A(keeper->fds[i]));
  keeper->nfds = 0;
}

/* -> the packet's size; 0: the core has gone; -errno; its descriptors are in keeper->fds. */
static i64 receive(struct keeper *keeper) {
  struct rights rights;
  struct part part = {P(keeper->in), REEVE_PACKET_MAX};
  struct message message = {0, 0, 0, P(&part), 1, P(&rights), sizeof rights, 0, 0};
  keeper->nfds = 0;
  i64 count = syscall3(SYS_RECVMSG_CALL, A(keeper->socket), P(&message), MSG_DONTWAIT | MSG_CMSG_CLOEXEC_FLAG);
  if (count < 0) return count;
  u64 head = sizeof rights.length + sizeof rights.level + sizeof rights.type;
  if (message.control_length >= head && rights.level == SOL_SOCKET && rights.type == SCM_RIGHTS_TYPE) {
    u64 nfds = (rights.length - head) / sizeof rights.fds[0];
    for (u64 i = 0; i < nfds && i < KEEPER_FDS_MAX; i++) keeper->fds[keeper->nfds++] = rights.fds[i];
    for (u64 i = KEEPER_FDS_MAX; i < nfds; i++) syscall1(SYS_CLOSE, A(rights.fds[i]));
    if (nfds > KEEPER_FDS_MAX) return -EBADMSG;
  }
  /* We have no room for its descriptors: it is refused, and no fault of the core's. */
  keeper->is_cut = (message.flags & MSG_CTRUNC_FLAG) != 0;
  return message.flags & MSG_TRUNC_FLAG ? -EBADMSG : count;
}

struct call {
  struct keeper *keeper;
  u64 id;
  const u8 *body;
  u32 size;
};

static i32 welcome(const struct call *call) {
  struct keeper *keeper = call->keeper;
  struct reeve_welcome body = {
      .version = REEVE_KEEPER_VERSION,
      .generation = keeper->core.generation,
      .reason = keeper->core.reason,
      .status = keeper->core.status,
      .keeper_pid = keeper->epoch_pid,
      .birth_base = (u32)keeper->birth_base,
      .birth_fds = keeper->birth_fds,
      .flags = (keeper->core.untrusted ? REEVE_WF_UNTRUSTED : 0u) | (keeper->is_first ? REEVE_WF_IS_INIT : 0u) |
               (keeper->core.was_up ? REEVE_WF_WAS_UP : 0u),
      .nofile_soft = keeper->nofile.soft,
      .nofile_hard = keeper->nofile.hard,
  };
  for (u32 i = 0; i < keeper->nheld; i++) body.held += keeper->held[i].fd >= 0;
  if (keeper->core.has_spoken) return 0;
  keeper->core.has_spoken = 1;
  if (packetSend(keeper, REEVE_K_WELCOME, call->id, &body, sizeof body, keeper->table_fd) < 0) return 0;
  deathsAgain(keeper);
  deathsTell(keeper);
  signalsTell(keeper);
  return 1;
}

static i32 birth(const struct call *call) {
  birthAnswer(call->keeper, call->id, (const struct reeve_birth *)(const void *)call->body);
  return 1;
}

static i32 letIn(const struct call *call) {
  packetAnswer(call->keeper, call->id, birthLetIn(call->keeper, (const void *)call->body));
  return 1;
}

static i32 freeSlots(const struct call *call) {
  u32 count = *(const u32 *)(const void *)call->body;
  const struct reeve_ref *refs = (const void *)(call->body + 8);
  if (call->size != 8 + count * sizeof *refs) return 0;
  for (u32 i = 0; i < count; i++) {
    struct reeve_slot *slot = tableFind(call->keeper, &refs[i]);
    if (slot && slot->state == REEVE_SLOT_DEAD) tableGive(call->keeper, refs[i].slot);
  }
  return 1;
}

static i32 signalChild(const struct call *call) {
  const struct reeve_signal *body = (const void *)call->body;
  if (body->signal > SIGNAL_LAST) return 0;
  struct reeve_slot *slot = tableFind(call->keeper, &body->ref);
  packetAnswer(call->keeper, call->id, slot ? deathsSignal(slot, body->signal, body->flags) : -ESRCH);
  return 1;
}

static i32 adopt(const struct call *call) {
  birthAdopt(call->keeper, call->id, (const void *)call->body);
  return 1;
}

static i32 hold(const struct call *call) {
  if (call->keeper->is_cut) {
    packetAnswer(call->keeper, call->id, -EMFILE);
    return 1;
  }
  if (call->keeper->nfds != 1) return 0;
  packetAnswer(call->keeper, call->id, heldPut(call->keeper, (const void *)call->body, call->keeper->fds[0]));
  return 1;
}

static i32 take(const struct call *call) {
  i64 found = heldFind(call->keeper, (const void *)call->body);
  i64 result = found < 0 ? found : 0;
  packetSend(call->keeper, REEVE_K_ANSWER, call->id, &result, sizeof result, found < 0 ? -1 : (i32)found);
  return 1;
}

static i32 drop(const struct call *call) {
  packetAnswer(call->keeper, call->id, heldDrop(call->keeper, (const void *)call->body));
  return 1;
}

static i32 listHeld(const struct call *call) {
  struct keeper *keeper = call->keeper;
  u32 room = REEVE_PACKET_MAX - (u32)sizeof(struct reeve_packet) - 8;
  i64 *count = (i64 *)(void *)keeper->out;
  *count = 0;
  for (u32 i = 0; i < keeper->nheld; i++) *count += keeper->held[i].fd >= 0;
  u32 used = heldNames(keeper, *(const u32 *)(const void *)call->body, keeper->out + 8, room);
  packetSend(keeper, REEVE_K_ANSWER, call->id, keeper->out, 8 + used, -1);
  return 1;
}

static i32 up(const struct call *call) {
  call->keeper->core.was_up = 1;
  return 1;
}

static i32 leave(const struct call *call) {
  call->keeper->core.leaves = 1;
  call->keeper->core.code = *(const i32 *)(const void *)call->body & 0xff;
  return 1;
}

static i32 next(const struct call *call) {
  call->keeper->core.next = 1;
  call->keeper->core.reason = *(const u32 *)(const void *)call->body;
  return 1;
}

/* The files behind 1 and 2 would be held open for whoever reads there. */
static i32 takeStreams(const struct call *call) {
  struct keeper *keeper = call->keeper;
  i64 result = keeper->is_cut ? -EMFILE : 0;
  if (!keeper->is_cut && keeper->nfds != 2) return 0;
  for (u32 i = 0; i < keeper->nfds && result >= 0; i++) result = syscall3(SYS_DUP3, A(keeper->fds[i]), i + 1, 0);
  packetAnswer(keeper, call->id, result < 0 ? result : 0);
  return 1;
}

/* "@NAME" is an abstract address, anything else a path. -> 0 or -errno */
static i64 sendNotice(const struct call *call) {
  struct linux_sockaddr_un to = {.family = AF_UNIX};
  const char *address = 0;
  for (char **entry = call->keeper->start.envp; *entry && !address; entry++) {
    if (memcmp(*entry, "NOTIFY_SOCKET=", 14) == 0) address = *entry + 14;
  }
  u64 length = address ? textLength(address) : 0;
  if (length < 2 || length >= sizeof to.path) return -EINVAL;
  memcpy(to.path, address, length);
  if (address[0] == '@') to.path[0] = 0;
  i64 fd = syscall3(SYS_SOCKET, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  u64 size = sizeof to.family + length + (address[0] == '@' ? 0 : 1);
  i64 sent = syscall6(SYS_SENDTO, A(fd), P(call->body), call->size, MSG_NOSIGNAL | MSG_DONTWAIT, P(&to), size);
  syscall1(SYS_CLOSE, A(fd));
  return sent < 0 ? sent : 0;
}

static i32 notify(const struct call *call) {
  packetAnswer(call->keeper, call->id, sendNotice(call));
  return 1;
}

static i32 name(const struct call *call) {
  char text[16];
  memcpy(text, call->body, sizeof text);
  text[15] = 0;
  syscall5(SYS_PRCTL, PR_SET_NAME, P(text), 0, 0, 0);
  return 1;
}

static i32 acknowledge(const struct call *call) {
  if (call->id > call->keeper->sent) return 0;
  coreAcknowledged(call->keeper, call->id);
  return 1;
}

/* -> 1, or 0: no core says that. */
struct handler {
  u32 kind;
  u32 least; /* bytes of the body */
  u32 most;
  i32 (*run)(const struct call *call);
};

static i32 carryOut(struct keeper *keeper, i64 count) {
  enum { ANY = REEVE_PACKET_MAX };
  const struct handler handlers[] = {
      {REEVE_K_HELLO, 32, 32, welcome},
      {REEVE_K_BIRTH, sizeof(struct reeve_birth), sizeof(struct reeve_birth), birth},
      {REEVE_K_GO, sizeof(struct reeve_ref), sizeof(struct reeve_ref), letIn},
      {REEVE_K_FREE, 8, ANY, freeSlots},
      {REEVE_K_SIGNAL, sizeof(struct reeve_signal), sizeof(struct reeve_signal), signalChild},
      {REEVE_K_ADOPT, sizeof(struct reeve_adoption), sizeof(struct reeve_adoption), adopt},
      {REEVE_K_HOLD, sizeof(struct reeve_name), sizeof(struct reeve_name), hold},
      {REEVE_K_TAKE, sizeof(struct reeve_name), sizeof(struct reeve_name), take},
      {REEVE_K_DROP, sizeof(struct reeve_name), sizeof(struct reeve_name), drop},
      {REEVE_K_HELD, 8, 8, listHeld},
      {REEVE_K_UP, 0, 0, up},
      {REEVE_K_LEAVE, 8, 8, leave},
      {REEVE_K_NEXT, 8, 8, next},
      {REEVE_K_STREAMS, 0, 0, takeStreams},
      {REEVE_K_NOTIFY, 1, ANY, notify},
      {REEVE_K_NAME, 16, 16, name},
      {REEVE_K_ACK, 0, 0, acknowledge},
  };
  const struct reeve_packet *head = (const void *)keeper->in;
  if (count < (i64)sizeof *head || head->size != (u64)count) return 0;
  if (!keeper->core.has_spoken && head->kind != REEVE_K_HELLO) return 0;
  struct call call = {keeper, head->id, keeper->in + sizeof *head, head->size - (u32)sizeof *head};
  for (u32 i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
    const struct handler *handler = &handlers[i];
    if (handler->kind != head->kind) continue;
    i32 has_fds = head->kind == REEVE_K_BIRTH || head->kind == REEVE_K_HOLD || head->kind == REEVE_K_STREAMS;
    if (call.size < handler->least || call.size > handler->most || (keeper->nfds && !has_fds)) return 0;
    return handler->run(&call);
  }
  return 0;
}

void packetsReceive(struct keeper *keeper) {
  for (u32 i = 0; i < PACKETS_AT_ONCE && keeper->socket >= 0; i++) {
    i64 count = receive(keeper);
    if (count == -EAGAIN || count == -EINTR) return;
    if (count == 0 || (count < 0 && count != -EBADMSG)) { /* it has closed its end: its death is to follow */
      syscall1(SYS_CLOSE, A(keeper->socket));
      keeper->socket = -1;
      return;
    }
    i32 is_good = count > 0 && carryOut(keeper, count);
    closeFds(keeper);
    if (!is_good) return coreMalformed(keeper);
  }
}
