/* unpack.c: the request of reeve.h, checked and laid out for use. Pure: no system call.
 *
 * The bytes are taken as hostile: nothing is read before its bounds are known, and what the packer would
 * never write is refused, not repaired.
 */
#include "helper/unpack.h"

#include "common/linux.h"
#include "helper/record.h"
#include "common/text.h"
#include "helper/unpack_place.h"

enum {
  HEADER_SIZE = sizeof(struct reeve_header),
  RECORD_SIZE = 8,
  FLAGS_KNOWN = (REEVE_F_LAST << 1) - 1,
  TAG_LAST = REEVE_T_INIT_PDEATHSIG
};

#define TAG_BIT(tag) (1ul << (tag))
/* Tags that may come once. */
#define SCALARS                                                                                                      \
  (TAG_BIT(REEVE_T_PATH) | TAG_BIT(REEVE_T_PATH_DIRS) | TAG_BIT(REEVE_T_CHDIR) | TAG_BIT(REEVE_T_UID) |                \
   TAG_BIT(REEVE_T_GID) | TAG_BIT(REEVE_T_GROUPS) | TAG_BIT(REEVE_T_UMASK) | TAG_BIT(REEVE_T_CAPS) |                   \
   TAG_BIT(REEVE_T_CAPS_BOUND) | TAG_BIT(REEVE_T_OOM) | TAG_BIT(REEVE_T_NICE) | TAG_BIT(REEVE_T_PDEATHSIG) |           \
   TAG_BIT(REEVE_T_PARENT) | TAG_BIT(REEVE_T_EXEC_FD) | TAG_BIT(REEVE_T_CPUS) | TAG_BIT(REEVE_T_GRACE_MS) |            \
   TAG_BIT(REEVE_T_ROOT) | TAG_BIT(REEVE_T_HOSTNAME) | TAG_BIT(REEVE_T_UNSHARE) | TAG_BIT(REEVE_T_LIFE) |              \
   TAG_BIT(REEVE_T_READY) | TAG_BIT(REEVE_T_BLOCKED) | TAG_BIT(REEVE_T_GATE) | TAG_BIT(REEVE_T_INIT_PDEATHSIG))

/* The record at *at, which moves on. -> 1; 0 at the end; -EBADMSG. */
static i64 nextRecord(u8 *bytes, u64 size, u64 *at, struct record *record) {
  if (*at == size) return 0;
  if (size - *at < RECORD_SIZE || read16(bytes + *at + 2) != 0) return -EBADMSG;
  record->tag = read16(bytes + *at);
  record->length = read32(bytes + *at + 4);
  record->bytes = bytes + *at + RECORD_SIZE;
  u64 left = size - *at - RECORD_SIZE;
  u64 padded = ((u64)record->length + 7) & ~7ul;
  if (padded > left) return -EBADMSG;
  for (u64 i = record->length; i < padded; i++) {
    if (record->bytes[i] != 0) return -EBADMSG;
  }
  *at += RECORD_SIZE + padded;
  return 1;
}

/* NAME=value with a name. */
static i32 isVariable(const struct record *record) {
  const char *text = (const char *)record->bytes;
  return isString(record) && text[0] != '=' && textHas(text, '=');
}

static i32 isRange(const struct record *record, i32 low, i32 high, i32 *out) {
  u32 value = 0;
  if (!isNumber(record, &value)) return 0;
  *out = (i32)value;
  return *out >= low && *out <= high;
}

static i32 isMask(const struct record *record, u64 *out) {
  if (record->length != 8) return 0;
  *out = read64(record->bytes);
  return 1;
}

static i32 checkGroups(const struct record *record, struct request *request) {
  if (record->length % 4 != 0 || record->length / 4 > MAX_GROUPS) return 0;
  request->groups = (u32 *)(void *)record->bytes; /* records are 8 bytes aligned */
  request->ngroups = record->length / 4;
  for (u32 i = 0; i < request->ngroups; i++) {
    if (request->groups[i] == ~0u) return 0;
  }
  return 1;
}

static i32 checkFd(const struct record *record, struct request *request) {
  if (record->length != 8 || request->nfds == MAX_FDS) return 0;
  i32 source = (i32)read32(record->bytes);
  i32 target = (i32)read32(record->bytes + 4);
  request->nfds++;
  return source >= -1 && target >= 0 && target < MAX_FD;
}

static i32 checkRlimit(const struct record *record, struct request *request) {
  if (record->length != 24 || request->nrlimits == MAX_RLIMITS) return 0;
  struct request_rlimit limit = {read32(record->bytes), read32(record->bytes + 4), read64(record->bytes + 8),
                                 read64(record->bytes + 16)};
  if (limit.resource >= RLIMIT_COUNT || limit.zero != 0 || limit.soft > limit.hard) return 0;
  for (u32 i = 0; i < request->nrlimits; i++) {
    if (request->rlimits[i].resource == limit.resource) return 0;
  }
  request->rlimits[request->nrlimits++] = limit;
  return 1;
}

static i32 checkCpus(const struct record *record, struct request *request) {
  if (record->length == 0 || record->length > MAX_CPU_BYTES) return 0;
  request->cpus = record->bytes;
  request->ncpu_bytes = record->length;
  return 1;
}

static i32 checkRewrite(const struct record *record, struct request *request) {
  if (record->length != 8) return 0;
  u32 from = read32(record->bytes);
  u32 to = read32(record->bytes + 4);
  if (from < 1 || from > SIGNALS || to > SIGNALS) return 0;
  request->init.rewrite[from] = (u8)to;
  return 1;
}

static i32 checkZeroCode(const struct record *record, struct request *request) {
  u32 code = 0;
  if (!isNumber(record, &code) || code > 255) return 0;
  request->init.zero_codes[code / 64] |= 1ul << (code % 64);
  return 1;
}

/* One record into `request`. -> 1 when it is sound. */
static i32 checkRecord(const struct record *record, struct request *request) {
  const char *text = (const char *)record->bytes;
  i32 signal = 0;
  switch (record->tag) {
    case REEVE_T_ARG: request->argc++; return isString(record);
    case REEVE_T_ENV: request->envc++; return isVariable(record);
    case REEVE_T_PATH: request->path = text; return isString(record) && *text;
    case REEVE_T_PATH_DIRS: request->path_dirs = text; return isString(record);
    case REEVE_T_CHDIR: request->chdir = text; return isString(record) && *text;
    case REEVE_T_UID: return isNumber(record, &request->uid) && request->uid != ~0u;
    case REEVE_T_GID: return isNumber(record, &request->gid) && request->gid != ~0u;
    case REEVE_T_GROUPS: return checkGroups(record, request);
    case REEVE_T_UMASK: return isNumber(record, &request->umask) && request->umask <= 0777;
    case REEVE_T_FD: return checkFd(record, request);
    case REEVE_T_RLIMIT: return checkRlimit(record, request);
    case REEVE_T_CAPS: return isMask(record, &request->caps);
    case REEVE_T_CAPS_BOUND: return isMask(record, &request->caps_bound);
    case REEVE_T_OOM: return isRange(record, -1000, 1000, &request->oom);
    case REEVE_T_NICE: return isRange(record, -20, 19, &request->nice);
    case REEVE_T_PDEATHSIG:
      if (!isRange(record, 1, SIGNAL_LAST, &signal)) return 0;
      request->pdeathsig = (u32)signal;
      return 1;
    case REEVE_T_PARENT: return isNumber(record, &request->parent) && request->parent <= 0x7fffffff;
    case REEVE_T_EXEC_FD: return isRange(record, 0, 0x7fffffff, &request->exec_fd);
    case REEVE_T_CPUS: return checkCpus(record, request);
    case REEVE_T_GRACE_MS: return isNumber(record, &request->grace_ms);
    case REEVE_T_SETNS: return placeSetns(record, request);
    case REEVE_T_MOUNT: return placeMount(record, request);
    case REEVE_T_ROOT: return placeRoot(record, request);
    case REEVE_T_HOSTNAME: return placeHostname(record, request);
    case REEVE_T_UNSHARE: return placeUnshare(record, request);
    case REEVE_T_LIFE: return isRange(record, 0, 0x7fffffff, &request->life_fd);
    case REEVE_T_READY: return isRange(record, 0, 0x7fffffff, &request->ready_fd);
    case REEVE_T_GATE: return isRange(record, 0, 0x7fffffff, &request->gate_fd);
    case REEVE_T_BLOCKED: return isMask(record, &request->blocked);
    case REEVE_T_REWRITE: return checkRewrite(record, request);
    case REEVE_T_ZERO_CODE: return checkZeroCode(record, request);
    case REEVE_T_INIT_PDEATHSIG:
      return isNumber(record, &request->init.pdeathsig) && request->init.pdeathsig >= 1 &&
             request->init.pdeathsig <= SIGNALS;
    default: return 0;
  }
}

/* Checks what the records mean together. */
static i32 checkWhole(const struct request *request) {
  u32 flags = request->flags;
  if (!placeIsOwn(request)) return 0;
  if (request->argc == 0 && !(flags & REEVE_F_NO_EXEC)) return 0;
  if ((flags & REEVE_F_SETSID) && (flags & REEVE_F_SETPGID)) return 0;
  if ((flags & REEVE_F_KEEP_FDS) && request->nfds > 0) return 0;
  if ((flags & REEVE_F_KEEP_CAPS) && !requestHas(request, REEVE_T_CAPS)) return 0;
  if (((flags & REEVE_F_EXEC_FD) != 0) != requestHas(request, REEVE_T_EXEC_FD)) return 0;
  if (flags & (REEVE_F_EXEC_FD | REEVE_F_NO_EXEC)) return 1;
  if (flags & REEVE_F_PATH_SEARCH) return requestHas(request, REEVE_T_PATH_DIRS);
  return requestHas(request, REEVE_T_PATH) && textHas(request->path, '/');
}

/* No target twice. */
static i32 checkTargets(u8 *bytes, u64 size, const struct request *request) {
  i32 targets[MAX_FDS];
  u32 count = 0;
  struct record record;
  u64 at = HEADER_SIZE;
  while (count < request->nfds && nextRecord(bytes, size, &at, &record) > 0) {
    if (record.tag != REEVE_T_FD) continue;
    i32 target = (i32)read32(record.bytes + 4);
    for (u32 i = 0; i < count; i++) {
      if (targets[i] == target) return 0;
    }
    targets[count++] = target;
  }
  return 1;
}

void requestClear(struct request *request) {
  memset(request, 0, sizeof *request);
  request->report_fd = -1;
  request->exec_fd = request->life_fd = request->ready_fd = request->gate_fd = -1;
  request->state.proc = request->state.null = request->state.root = request->state.outer_root = -1;
  request->state.enter[0] = request->state.enter[1] = -1;
  memset(request->init.rewrite, REWRITE_NONE, sizeof request->init.rewrite);
}

i64 requestCheck(u8 *bytes, u64 size, struct request *request) {
  struct record record;
  u64 at = HEADER_SIZE;
  i64 more = 0;
  requestClear(request);
  if (size < HEADER_SIZE || size > REEVE_MAX_REQUEST || read32(bytes) != REEVE_MAGIC) return -EBADMSG;
  request->spawn_id = read64(bytes + 8);
  request->flags = read32(bytes + 16);
  request->report_fd = (i32)read32(bytes + 20);
  if (read32(bytes + 4) != size || size % 8 != 0) return -EBADMSG;
  if (request->report_fd < -1 || (request->flags & ~(u32)FLAGS_KNOWN)) return -EBADMSG;
  while ((more = nextRecord(bytes, size, &at, &record)) > 0) {
    if (record.tag == 0 || record.tag > TAG_LAST) return -EBADMSG;
    u64 bit = TAG_BIT(record.tag);
    if (request->present & bit & SCALARS) return -EBADMSG;
    request->present |= bit;
    if (!checkRecord(&record, request)) return -EBADMSG;
  }
  if (more < 0 || !checkWhole(request) || !checkTargets(bytes, size, request)) return -EBADMSG;
  return 0;
}

u64 requestArena(const struct request *request) {
  return ((u64)request->argc + request->envc + 2) * sizeof(char *) + request->nmounts * sizeof(struct request_mount) +
         request->nfds * sizeof(struct request_fd);
}

void requestFill(u8 *bytes, u64 size, struct request *request, void *arena) {
  struct record record;
  u64 at = HEADER_SIZE;
  u32 argc = 0, envc = 0, nfds = 0, nmounts = 0;
  request->argv = arena;
  request->envp = request->argv + request->argc + 1;
  request->mounts = (struct request_mount *)(void *)(request->envp + request->envc + 1);
  request->fds = (struct request_fd *)(void *)(request->mounts + request->nmounts);
  while (nextRecord(bytes, size, &at, &record) > 0) {
    if (record.tag == REEVE_T_ARG) request->argv[argc++] = (char *)record.bytes;
    if (record.tag == REEVE_T_ENV) request->envp[envc++] = (char *)record.bytes;
    if (record.tag == REEVE_T_MOUNT) placeFillMount(&record, &request->mounts[nmounts++]);
    if (record.tag == REEVE_T_FD) {
      request->fds[nfds].source = (i32)read32(record.bytes);
      request->fds[nfds++].target = (i32)read32(record.bytes + 4);
    }
  }
  request->argv[argc] = 0;
  request->envp[envc] = 0;
}
