/* unpack_test.c: what requestCheck takes and refuses, then a fuzzer of its own: requests that were sound are
 * changed at random (deterministically) a few hundred thousand times. The bytes end at the end of a heap
 * block, so the address sanitizer sees any look beyond; whatever is accepted must be laid out as it says.
 *
 * usage: unpack_test [ROUNDS]
 */
#include "helper/unpack.h"

#include <string.h>

#include "check.h"

#define EBADMSG 74

struct packed {
  u64 size;
  u8 bytes[65536];
};

static void start(struct packed *packed, u32 flags, i32 report_fd) {
  struct reeve_header header = {REEVE_MAGIC, 0, 0x1122334455667788ul, flags, report_fd};
  memset(packed, 0, sizeof *packed);
  memcpy(packed->bytes, &header, sizeof header);
  packed->size = sizeof header;
}

static void add(struct packed *packed, u32 tag, const void *bytes, u32 length) {
  u8 *at = packed->bytes + packed->size;
  at[0] = (u8)tag;
  at[1] = (u8)(tag >> 8);
  memcpy(at + 4, &length, 4);
  if (length) memcpy(at + 8, bytes, length);
  packed->size += 8 + ((length + 7u) & ~7u);
}

static void addText(struct packed *packed, u32 tag, const char *text) {
  add(packed, tag, text, (u32)strlen(text) + 1);
}

static void addNumber(struct packed *packed, u32 tag, u32 number) { add(packed, tag, &number, 4); }

static void addPair(struct packed *packed, u32 tag, i32 first, i32 second) {
  i32 pair[2] = {first, second};
  add(packed, tag, pair, 8);
}

static void addLimit(struct packed *packed, u32 resource, u64 soft, u64 hard) {
  u64 limit[3] = {resource, soft, hard};
  add(packed, REEVE_T_RLIMIT, limit, 24);
}

/* A mount with its four strings, of which `texts` has all with their NULs but the last one's. */
static void addMount(struct packed *packed, u32 kind, u32 options, u64 flags, const char *texts, u32 length) {
  u8 bytes[8192] = {0};
  struct reeve_mount mount = {kind, options, flags};
  memcpy(bytes, &mount, sizeof mount);
  memcpy(bytes + sizeof mount, texts, length);
  add(packed, REEVE_T_MOUNT, bytes, (u32)sizeof mount + length);
}
#define ADD_MOUNT(packed, kind, options, flags, texts) addMount(packed, kind, options, flags, texts, sizeof(texts))

static void addRoot(struct packed *packed, u32 kind, u32 zero, const char *path) {
  u8 bytes[8192] = {0};
  u32 head[2] = {kind, zero};
  memcpy(bytes, head, 8);
  memcpy(bytes + 8, path, strlen(path) + 1);
  add(packed, REEVE_T_ROOT, bytes, 8 + (u32)strlen(path) + 1);
}

/* Checks a copy of exactly that size; looks at all that is accepted. -> what requestCheck says */
static i64 take(const struct packed *packed, u64 size, struct request *request) {
  u8 *bytes = malloc(size ? size : 1);
  CHECK(bytes != NULL);
  if (size) memcpy(bytes, packed->bytes, size);
  i64 result = requestCheck(bytes, size, request);
  CHECK(result == 0 || result == -EBADMSG);
  if (result == 0) {
    u64 arena_size = requestArena(request);
    u8 *arena = malloc(arena_size);
    CHECK(arena != NULL);
    requestFill(bytes, size, request, arena);
    for (u32 i = 0; i < request->argc; i++) CHECK(strlen(request->argv[i]) < size);
    for (u32 i = 0; i < request->envc; i++) CHECK(strchr(request->envp[i], '=') > request->envp[i]);
    CHECK(request->argc > 0 || (request->flags & REEVE_F_NO_EXEC));
    CHECK(request->argv[request->argc] == NULL && request->envp[request->envc] == NULL);
    for (u32 i = 0; i < request->nfds; i++) {
      CHECK(request->fds[i].source >= -1 && request->fds[i].target >= 0);
      for (u32 j = 0; j < i; j++) CHECK(request->fds[i].target != request->fds[j].target);
    }
    u32 sum = 0;
    for (u32 i = 0; i < request->ngroups; i++) sum += request->groups[i];
    for (u32 i = 0; i < request->ncpu_bytes; i++) sum += request->cpus[i];
    if (request->path) sum += (u32)strlen(request->path);
    if (request->path_dirs) sum += (u32)strlen(request->path_dirs);
    if (request->chdir) sum += (u32)strlen(request->chdir);
    if (request->root) sum += (u32)strlen(request->root);
    if (request->hostname) sum += (u32)strlen(request->hostname);
    for (u32 i = 0; i < request->nmounts; i++) {
      const struct request_mount *mount = &request->mounts[i];
      sum += (u32)(strlen(mount->source) + strlen(mount->type) + strlen(mount->data));
      CHECK(*mount->target && mount->what.kind >= REEVE_M_BIND && mount->what.kind <= REEVE_M_DEVICES);
    }
    CHECK(request->nmounts <= MAX_MOUNTS && !(request->unshare & 0x20000000));
    volatile u32 keep = sum; /* the reads must happen */
    (void)keep;
    CHECK(request->uid != ~0u && request->gid != ~0u && request->umask <= 0777 && request->pdeathsig <= 64);
    CHECK(request->nice >= -20 && request->nice <= 19 && request->oom >= -1000 && request->oom <= 1000);
    free(arena);
  }
  free(bytes);
  return result;
}

static void finish(struct packed *packed) {
  u32 size = (u32)packed->size;
  memcpy(packed->bytes + 4, &size, 4);
}

static i64 verdict(struct packed *packed) {
  struct request request;
  finish(packed);
  return take(packed, packed->size, &request);
}

static void plain(struct packed *packed) {
  start(packed, REEVE_F_SETSID, 9);
  addText(packed, REEVE_T_ARG, "prog");
  addText(packed, REEVE_T_PATH, "/bin/prog");
}

/* One of everything. */
static void full(struct packed *packed) {
  u32 groups[] = {7, 5, 6};
  u64 mask = 0x400, cpus = 3;
  start(packed, REEVE_F_SETSID | REEVE_F_KEEP_CAPS | REEVE_F_PATH_SEARCH | REEVE_F_STOP_ORPHANS | REEVE_F_LOOPBACK, -1);
  addText(packed, REEVE_T_ARG, "prog");
  addText(packed, REEVE_T_ARG, "");
  addText(packed, REEVE_T_ENV, "A=1");
  addText(packed, REEVE_T_ENV, "PATH=/bin");
  addText(packed, REEVE_T_PATH, "prog");
  addText(packed, REEVE_T_PATH_DIRS, "/usr/bin:/bin");
  addText(packed, REEVE_T_CHDIR, "/var/tmp");
  addNumber(packed, REEVE_T_UID, 33);
  addNumber(packed, REEVE_T_GID, 34);
  add(packed, REEVE_T_GROUPS, groups, sizeof groups);
  addNumber(packed, REEVE_T_UMASK, 0022);
  addPair(packed, REEVE_T_FD, -1, 0);
  addPair(packed, REEVE_T_FD, 8, 1);
  addPair(packed, REEVE_T_FD, 8, 2);
  addLimit(packed, 7, 1024, ~0ul);
  addLimit(packed, 4, 0, 0);
  add(packed, REEVE_T_CAPS, &mask, 8);
  add(packed, REEVE_T_CAPS_BOUND, &mask, 8);
  addNumber(packed, REEVE_T_OOM, (u32)-500);
  addNumber(packed, REEVE_T_NICE, (u32)-5);
  addNumber(packed, REEVE_T_PDEATHSIG, 9);
  addNumber(packed, REEVE_T_PARENT, 4711);
  add(packed, REEVE_T_CPUS, &cpus, 8);
  addNumber(packed, REEVE_T_GRACE_MS, 3000);
  addPair(packed, REEVE_T_SETNS, 5, 0x04020000);
  addNumber(packed, REEVE_T_UNSHARE, 0x50020000);
  addRoot(packed, REEVE_R_PIVOT, 0, "/ns/001");
  ADD_MOUNT(packed, REEVE_M_NEW, REEVE_MO_CREATE, 14, "proc\0/proc\0proc\0");
  ADD_MOUNT(packed, REEVE_M_BIND, REEVE_MO_CREATE | REEVE_MO_RECURSIVE, 1, "/dev/pts\0/dev/pts\0\0");
  ADD_MOUNT(packed, REEVE_M_UMOUNT, 0, 2, "\0/mnt\0\0");
  addText(packed, REEVE_T_HOSTNAME, "testns");
  addNumber(packed, REEVE_T_LIFE, 11);
  addNumber(packed, REEVE_T_READY, 12);
  add(packed, REEVE_T_BLOCKED, &mask, 8);
  addPair(packed, REEVE_T_REWRITE, 15, 3);
  addPair(packed, REEVE_T_REWRITE, 64, 0);
  addNumber(packed, REEVE_T_ZERO_CODE, 0);
  addNumber(packed, REEVE_T_ZERO_CODE, 255);
  addNumber(packed, REEVE_T_INIT_PDEATHSIG, 10);
}

static void testFull(void) {
  struct packed packed;
  struct request request;
  full(&packed);
  finish(&packed);
  u8 *bytes = malloc(packed.size);
  CHECK(bytes != NULL);
  memcpy(bytes, packed.bytes, packed.size);
  CHECK_EQUAL(requestCheck(bytes, packed.size, &request), 0);
  void *arena = malloc(requestArena(&request));
  requestFill(bytes, packed.size, &request, arena);
  CHECK(request.spawn_id == 0x1122334455667788ul);
  CHECK_EQUAL(request.report_fd, -1);
  CHECK_EQUAL(request.argc, 2);
  CHECK(strcmp(request.argv[0], "prog") == 0 && strcmp(request.argv[1], "") == 0);
  CHECK(request.envc == 2 && strcmp(request.envp[1], "PATH=/bin") == 0);
  CHECK(strcmp(request.path, "prog") == 0 && strcmp(request.path_dirs, "/usr/bin:/bin") == 0);
  CHECK(strcmp(request.chdir, "/var/tmp") == 0);
  CHECK_EQUAL(request.uid, 33);
  CHECK_EQUAL(request.gid, 34);
  CHECK(request.ngroups == 3 && request.groups[2] == 6);
  CHECK_EQUAL(request.umask, 022);
  CHECK(request.nfds == 3 && request.fds[0].source == -1 && request.fds[2].target == 2);
  CHECK(request.nrlimits == 2 && request.rlimits[0].hard == ~0ul && request.rlimits[1].resource == 4);
  CHECK(request.caps == 0x400 && request.caps_bound == 0x400);
  CHECK_EQUAL(request.oom, -500);
  CHECK_EQUAL(request.nice, -5);
  CHECK_EQUAL(request.pdeathsig, 9);
  CHECK_EQUAL(request.parent, 4711);
  CHECK(request.ncpu_bytes == 8 && request.cpus[0] == 3);
  CHECK_EQUAL(request.grace_ms, 3000);
  CHECK(request.nsetns == 1 && request.setns[0].fd == 5 && request.setns[0].flags == 0x04020000);
  CHECK(request.unshare == 0x50020000 && request.life_fd == 11 && request.ready_fd == 12);
  CHECK(request.root_kind == REEVE_R_PIVOT && strcmp(request.root, "/ns/001") == 0);
  CHECK(strcmp(request.hostname, "testns") == 0);
  CHECK(request.blocked == 0x400 && request.init.pdeathsig == 10);
  CHECK(request.init.rewrite[15] == 3 && request.init.rewrite[64] == 0 && request.init.rewrite[1] == REWRITE_NONE);
  CHECK(request.init.zero_codes[0] == 1 && request.init.zero_codes[3] == 1ul << 63 && request.init.zero_codes[1] == 0);
  CHECK_EQUAL(request.nmounts, 3);
  CHECK(strcmp(request.mounts[0].target, "/proc") == 0 && strcmp(request.mounts[0].type, "proc") == 0);
  CHECK(request.mounts[0].what.flags == 14 && *request.mounts[0].data == 0);
  CHECK(request.mounts[1].what.options == (REEVE_MO_CREATE | REEVE_MO_RECURSIVE));
  CHECK(strcmp(request.mounts[1].source, "/dev/pts") == 0 && *request.mounts[1].type == 0);
  CHECK(request.mounts[2].what.kind == REEVE_M_UMOUNT && *request.mounts[2].source == 0);
  free(arena);
  free(bytes);
}

static void testEverySizeIsRefused(void) {
  struct packed packed;
  struct request request;
  full(&packed);
  finish(&packed);
  for (u64 size = 0; size < packed.size; size++) {
    CHECK_EQUAL(take(&packed, size, &request), -EBADMSG);
    u32 claimed = (u32)size; /* and when it says that it is that short */
    struct packed cut = packed;
    memcpy(cut.bytes + 4, &claimed, 4);
    i64 result = take(&cut, size, &request);
    if (size < 24 || size % 8 != 0) CHECK_EQUAL(result, -EBADMSG);
  }
  CHECK_EQUAL(take(&packed, packed.size, &request), 0);
}

#define REFUSED(statement)                          \
  do {                                              \
    struct packed packed;                           \
    plain(&packed);                                 \
    statement;                                      \
    CHECK_EQUAL(verdict(&packed), -EBADMSG);        \
  } while (0)

static void testRanges(void) {
  u64 mask = 1;
  u8 bad_text[3] = {'a', 0, 0};
  u8 open_text[3] = {'a', 'b', 'c'};
  u32 bad_group = ~0u;
  struct packed sound;
  plain(&sound);
  CHECK_EQUAL(verdict(&sound), 0);
  REFUSED(addNumber(&packed, REEVE_T_UID, ~0u));
  REFUSED(addNumber(&packed, REEVE_T_GID, ~0u));
  REFUSED((addNumber(&packed, REEVE_T_UID, 1), addNumber(&packed, REEVE_T_UID, 1)));
  REFUSED(add(&packed, REEVE_T_UID, &mask, 8));
  REFUSED(addNumber(&packed, REEVE_T_UMASK, 01000));
  REFUSED(addNumber(&packed, REEVE_T_NICE, 20));
  REFUSED(addNumber(&packed, REEVE_T_NICE, (u32)-21));
  REFUSED(addNumber(&packed, REEVE_T_OOM, 1001));
  REFUSED(addNumber(&packed, REEVE_T_PDEATHSIG, 0));
  REFUSED(addNumber(&packed, REEVE_T_PDEATHSIG, 65));
  REFUSED(addNumber(&packed, REEVE_T_PARENT, 0x80000000u));
  REFUSED(addPair(&packed, REEVE_T_FD, -2, 0));
  REFUSED(addPair(&packed, REEVE_T_FD, 1, -1));
  REFUSED(addPair(&packed, REEVE_T_FD, 1, MAX_FD));
  REFUSED((addPair(&packed, REEVE_T_FD, 1, 5), addPair(&packed, REEVE_T_FD, 2, 5)));
  REFUSED(addPair(&packed, REEVE_T_SETNS, -1, 0));
  REFUSED(addLimit(&packed, 16, 0, 0));
  REFUSED(addLimit(&packed, 3, 2, 1));
  REFUSED((addLimit(&packed, 3, 1, 1), addLimit(&packed, 3, 1, 1)));
  REFUSED(add(&packed, REEVE_T_GROUPS, &bad_group, 4));
  REFUSED(add(&packed, REEVE_T_GROUPS, &mask, 6));
  REFUSED(add(&packed, REEVE_T_CPUS, &mask, 0));
  REFUSED(add(&packed, REEVE_T_ARG, bad_text, 3));
  REFUSED(add(&packed, REEVE_T_ARG, open_text, 3));
  REFUSED(add(&packed, REEVE_T_ARG, "", 0));
  REFUSED(addText(&packed, REEVE_T_ENV, "NOVALUE"));
  REFUSED(addText(&packed, REEVE_T_ENV, "=noname"));
  REFUSED(addText(&packed, REEVE_T_CHDIR, ""));
  REFUSED(addText(&packed, REEVE_T_PATH, "/bin/other"));
  REFUSED(addNumber(&packed, REEVE_T_EXEC_FD, 3));
  REFUSED(addNumber(&packed, 0, 3));
  REFUSED(addNumber(&packed, REEVE_T_CTTY_RESTORE, 3));
  REFUSED(addNumber(&packed, REEVE_T_INIT_PDEATHSIG + 1, 3));
  REFUSED(addNumber(&packed, REEVE_T_INIT_PDEATHSIG, 0));
  REFUSED(addNumber(&packed, REEVE_T_INIT_PDEATHSIG, 65));
  REFUSED(addNumber(&packed, REEVE_T_ZERO_CODE, 256));
  REFUSED(addNumber(&packed, REEVE_T_REWRITE, 15));
  REFUSED(addPair(&packed, REEVE_T_REWRITE, 0, 15));
  REFUSED(addPair(&packed, REEVE_T_REWRITE, 65, 15));
  REFUSED(addPair(&packed, REEVE_T_REWRITE, 15, 65));
  REFUSED(addNumber(&packed, REEVE_T_BLOCKED, 1));
  REFUSED((packed.bytes[17] |= REEVE_F_KEEP_FDS >> 8, addPair(&packed, REEVE_T_FD, 8, 1)));
  REFUSED(addNumber(&packed, 64 + REEVE_T_UID, 3));
  REFUSED(addNumber(&packed, 0xffff, 3));
  REFUSED(packed.bytes[0] ^= 1);
  REFUSED(packed.bytes[16] |= REEVE_F_SETPGID);
  REFUSED(packed.bytes[16] |= REEVE_F_KEEP_CAPS);
  REFUSED(packed.bytes[16] |= REEVE_F_EXEC_FD);
  REFUSED(packed.bytes[16] |= REEVE_F_PATH_SEARCH);
  REFUSED(packed.bytes[18] |= (REEVE_F_LAST << 1) >> 16);
  REFUSED(packed.bytes[19] |= 0x80);
  REFUSED(memset(packed.bytes + 20, 0xfe, 4));
  REFUSED(packed.bytes[26] = 1);                   /* the zero beside a tag */
  REFUSED(packed.bytes[24 + 8 + 5] = 1);           /* the zeros after "prog" */
  REFUSED(start(&packed, 0, -1));                  /* no arguments */
  REFUSED((start(&packed, 0, -1), addText(&packed, REEVE_T_ARG, "x"), addText(&packed, REEVE_T_PATH, "x")));
  REFUSED((start(&packed, 0, -1), addText(&packed, REEVE_T_ARG, "x")));
}

#define MOUNTS 0x00020000u
#define UTS 0x04000000u
#define NET 0x40000000u

/* With a mount namespace of its own, so that it is the record itself that is refused. */
#define REFUSED_MOUNT(statement) REFUSED((addNumber(&packed, REEVE_T_UNSHARE, MOUNTS), statement))

static void testConfinement(void) {
  static char long_texts[3][MAX_MOUNT_STRING + 8];
  struct packed sound;
  plain(&sound);
  addNumber(&sound, REEVE_T_UNSHARE, MOUNTS | UTS);
  ADD_MOUNT(&sound, REEVE_M_NEW, 0, 0, "proc\0/proc\0proc\0");
  addRoot(&sound, REEVE_R_PIVOT, 0, "/r");
  addText(&sound, REEVE_T_HOSTNAME, "h");
  CHECK_EQUAL(verdict(&sound), 0);
  /* what would be done to the caller's own namespaces */
  REFUSED(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "proc\0/proc\0proc\0"));
  REFUSED((addPair(&packed, REEVE_T_SETNS, 3, (i32)UTS), ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "p\0/p\0p\0")));
  REFUSED(addRoot(&packed, REEVE_R_PIVOT, 0, "/r"));
  REFUSED((addPair(&packed, REEVE_T_SETNS, 3, (i32)MOUNTS), addRoot(&packed, REEVE_R_PIVOT, 0, "/r")));
  REFUSED(addText(&packed, REEVE_T_HOSTNAME, "h"));
  REFUSED((addNumber(&packed, REEVE_T_UNSHARE, MOUNTS), addText(&packed, REEVE_T_HOSTNAME, "h")));
  REFUSED(packed.bytes[17] |= REEVE_F_LOOPBACK >> 8);
  REFUSED(packed.bytes[17] |= REEVE_F_SHIELD >> 8);
  /* namespaces */
  REFUSED(addNumber(&packed, REEVE_T_UNSHARE, 0));
  REFUSED(addNumber(&packed, REEVE_T_UNSHARE, 0x20000000));
  REFUSED(addNumber(&packed, REEVE_T_UNSHARE, MOUNTS | 1));
  REFUSED(addPair(&packed, REEVE_T_SETNS, 3, 0));
  REFUSED(addPair(&packed, REEVE_T_SETNS, 3, 0x20000000));
  REFUSED((addNumber(&packed, REEVE_T_UNSHARE, NET), addNumber(&packed, REEVE_T_UNSHARE, NET)));
  REFUSED(addNumber(&packed, REEVE_T_LIFE, ~0u));
  REFUSED(addNumber(&packed, REEVE_T_READY, ~0u));
  REFUSED((addNumber(&packed, REEVE_T_LIFE, 5), addNumber(&packed, REEVE_T_LIFE, 5)));
  /* strings */
  REFUSED((addNumber(&packed, REEVE_T_UNSHARE, UTS), addText(&packed, REEVE_T_HOSTNAME, "")));
  memset(long_texts[0], 'h', MAX_HOSTNAME + 1);
  REFUSED((addNumber(&packed, REEVE_T_UNSHARE, UTS), addText(&packed, REEVE_T_HOSTNAME, long_texts[0])));
  REFUSED_MOUNT(addRoot(&packed, 0, 0, "/r"));
  REFUSED_MOUNT(addRoot(&packed, 3, 0, "/r"));
  REFUSED_MOUNT(addRoot(&packed, REEVE_R_PIVOT, 1, "/r"));
  REFUSED_MOUNT(addRoot(&packed, REEVE_R_PIVOT, 0, ""));
  REFUSED_MOUNT(addNumber(&packed, REEVE_T_ROOT, REEVE_R_PIVOT));
  REFUSED_MOUNT((addRoot(&packed, REEVE_R_PIVOT, 0, "/r"), addRoot(&packed, REEVE_R_PIVOT, 0, "/r")));
  REFUSED_MOUNT(addNumber(&packed, REEVE_T_MOUNT, 3));
  REFUSED_MOUNT(ADD_MOUNT(&packed, 0, 0, 0, "a\0/b\0c\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, 7, 0, 0, "a\0/b\0c\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 16, 0, "a\0/b\0c\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 1ul << 32, "a\0/b\0c\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0\0"));      /* no file system */
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0\0c\0"));        /* no target */
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_BIND, 0, 0, "\0/b\0c\0"));      /* no source */
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_BIND, 0, MOUNTS << 1, "a\0/b\0\0")); /* private is no attribute */
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_UMOUNT, 0, 16, "\0/b\0\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_DEVICES, 0, 1, "\0/dev\0\0"));
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0c"));         /* three strings */
  REFUSED_MOUNT(ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0c\0d\0"));   /* five */
  REFUSED_MOUNT(addMount(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0c\0d", 8));   /* an open end */
  memset(long_texts[1], 't', MAX_MOUNT_STRING);
  REFUSED_MOUNT(addMount(&packed, REEVE_M_NEW, 0, 0, long_texts[1], MAX_MOUNT_STRING + 4));
  REFUSED((addNumber(&packed, REEVE_T_UNSHARE, MOUNTS), memset(long_texts[2], 'r', MAX_MOUNT_STRING),
           addRoot(&packed, REEVE_R_PIVOT, 0, long_texts[2])));
}

static void testWithoutProgram(void) {
  struct packed packed;
  start(&packed, REEVE_F_NO_EXEC, -1);
  CHECK_EQUAL(verdict(&packed), 0);
  start(&packed, 0, -1);
  CHECK_EQUAL(verdict(&packed), -EBADMSG);
}

static void testTooMany(void) {
  struct packed packed;
  plain(&packed);
  for (i32 i = 0; i < MAX_FDS; i++) addPair(&packed, REEVE_T_FD, 3, i);
  CHECK_EQUAL(verdict(&packed), 0);
  addPair(&packed, REEVE_T_FD, 3, MAX_FDS);
  CHECK_EQUAL(verdict(&packed), -EBADMSG);
  plain(&packed);
  for (i32 i = 0; i < MAX_SETNS; i++) addPair(&packed, REEVE_T_SETNS, 3, (i32)UTS);
  CHECK_EQUAL(verdict(&packed), 0);
  addPair(&packed, REEVE_T_SETNS, 3, (i32)UTS);
  CHECK_EQUAL(verdict(&packed), -EBADMSG);
  plain(&packed);
  addNumber(&packed, REEVE_T_UNSHARE, MOUNTS);
  for (i32 i = 0; i < MAX_MOUNTS; i++) ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0c\0");
  CHECK_EQUAL(verdict(&packed), 0);
  ADD_MOUNT(&packed, REEVE_M_NEW, 0, 0, "a\0/b\0c\0");
  CHECK_EQUAL(verdict(&packed), -EBADMSG);
}

static u64 seed = 0x9e3779b97f4a7c15ul;
static u64 randomNumber(void) { /* xorshift64* */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return seed * 0x2545f4914f6cdd1dul;
}

static void mutate(struct packed *packed) {
  static const u8 interesting[] = {0, 1, 2, 4, 7, 8, 16, 24, 25, 0x7f, 0x80, 0xff};
  u32 times = 1 + (u32)(randomNumber() % 4);
  while (times--) {
    u64 at = randomNumber() % packed->size;
    switch (randomNumber() % 6) {
      case 0: packed->bytes[at] ^= (u8)(1u << (randomNumber() % 8)); break;
      case 1: packed->bytes[at] = (u8)randomNumber(); break;
      case 2: packed->bytes[at & ~7ul] = interesting[randomNumber() % sizeof interesting]; break;
      case 3: memset(packed->bytes + (at & ~3ul), (randomNumber() & 1) ? 0xff : 0, 4); break;
      case 4: { /* a stretch comes twice */
        u64 from = (randomNumber() % packed->size) & ~7ul, length = 8 * (1 + randomNumber() % 6);
        if (from + length > packed->size) length = packed->size - from;
        memmove(packed->bytes + packed->size, packed->bytes + from, length);
        packed->size += length;
        break;
      }
      default: { /* the end is cut */
        if (packed->size > 32) packed->size -= 8 * (randomNumber() % 3);
      }
    }
    if (packed->size > 2048) packed->size = 2048;
  }
}

static void fuzz(long rounds) {
  struct packed base[2];
  struct packed packed;
  struct request request;
  long accepted = 0;
  plain(&base[0]);
  full(&base[1]);
  for (long i = 0; i < rounds; i++) {
    const struct packed *from = &base[i & 1];
    packed.size = from->size;
    memcpy(packed.bytes, from->bytes, from->size);
    mutate(&packed);
    /* mostly the size is right, else nothing else is ever looked at */
    if (randomNumber() % 8) finish(&packed);
    accepted += take(&packed, packed.size, &request) == 0;
  }
  CHECK(accepted > rounds / 100 && accepted < rounds); /* it reaches both sides */
  printf("%ld changed requests, %ld of them sound\n", rounds, accepted);
}

int main(int argc, char **argv) {
  testFull();
  testEverySizeIsRefused();
  testRanges();
  testConfinement();
  testWithoutProgram();
  testTooMany();
  fuzz(argc > 1 ? atol(argv[1]) : 300000);
  return 0;
}
