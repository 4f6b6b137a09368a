/* stub.c: the first code of a packed executable. It maps the executable's own ld.so and starts it, and
 * answers the system calls by which ld.so looks for the C library, so that it finds the one in this very
 * file.
 *
 * Instead of the kernel, which would look for /lib64/ld-linux-x86-64.so.2 on the host, where it need not be.
 * The libraries are mapped from the executable itself: clean pages of one file, no copy, no descriptor left
 * open, no environment variable. Must never keep state of its own (there is no writable page), nor change
 * what a call does that is not about one of the libraries in the table.
 */
#include "stub/stub.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "stub/entrypoint.h"
#include "stub/keeper_start.h"

#if defined(__x86_64__)
enum { SYS_LSEEK = 8, SYS_PREAD64 = 17, SYS_NEWFSTATAT = 262 };
#else
enum { SYS_LSEEK = 62, SYS_PREAD64 = 67, SYS_NEWFSTATAT = 79 };
#endif

enum { AT_NULL = 0, AT_PHDR = 3, AT_PAGESZ = 6, AT_BASE = 7, AT_ENTRY = 9 };
enum { PROT_NONE = 0, MAP_FIXED = 16 };
enum { SEEK_SET = 0, SEEK_CUR = 1 };
enum { EXIT_CANNOT_START = 127 /* as ld.so has it */, EXIT_LIMIT = 1 };

void reeveHook(void);
void reeveHookShort(void);

/* Volatile: the compiler must not take what it sees here for what is there after the packing. */
#define SECTION(name) __attribute__((section(name), used))
SECTION(".head")
static const volatile struct stub_head HEAD = {
    .magic = STUB_MAGIC,
    .hook = (u64)reeveHook,
    .hook_short = (u64)reeveHookShort,
};

static const char EXECUTABLE[] = "/proc/self/exe";

/* ---- the system calls of ld.so ---------------------------------------------------------------------- */

/* The index of the library that `path` ends with the name of, whatever the directory; -1 for another file. */
static i32 namedFile(const char *path) {
  const char *name = path;
  for (const char *c = path; *c; c++)
    if (*c == '/') name = c + 1;
  for (u32 index = 0; index < HEAD.file_count; index++) {
    const volatile char *wanted = HEAD.files[index].name;
    u32 at = 0;
    while (name[at] && name[at] == wanted[at]) at++;
    if (at > 0 && name[at] == 0 && wanted[at] == 0) return (i32)index;
  }
  return -1;
}

/* The index of the library that `fd` was opened for: its file position is the only mark, and enough. A file
 * that ld.so opened elsewhere has been read from its start, by less than where the libraries begin. */
static i32 openedFile(i32 fd) {
  if (fd < 0) return -1;
  i64 position = syscall3(SYS_LSEEK, A(fd), 0, SEEK_CUR);
  if (position < 0) return -1;
  for (u32 index = 0; index < HEAD.file_count; index++) {
    u64 start = HEAD.files[index].offset;
    if ((u64)position >= start && (u64)position < start + HEAD.files[index].size) return (i32)index;
  }
  return -1;
}

static i64 openFile(i32 index) {
  i64 fd = syscall3(SYS_OPENAT, A(AT_FDCWD), P(EXECUTABLE), O_CLOEXEC);
  if (fd < 0) return fd;
  i64 moved = syscall3(SYS_LSEEK, A(fd), HEAD.files[index].offset, SEEK_SET);
  if (moved >= 0) return fd;
  syscall1(SYS_CLOSE, A(fd));
  return moved;
}

/* All libraries are one file to the kernel, and ld.so takes what has the device and inode of a library that
 * it has for the same one. */
static void tellApart(i32 index, u64 *status) { *status = ~(u64)index; } /* st_dev comes first */

/* A system call of ld.so: its number and its six arguments. -> what the kernel would have returned. Called by
 * the hooks below. */
__attribute__((used)) static i64 reeveCall(i64 number, const u64 *a) {
  i32 index = -1;
  u64 shift = 0;
  switch (number) {
  case SYS_OPENAT:
    index = a[1] ? namedFile((const char *)a[1]) : -1;
    if (index >= 0) return openFile(index);
    break;
  case SYS_MMAP:
    /* The descriptor is an int: its upper half may be anything. */
    if (!(a[3] & MAP_ANONYMOUS)) index = openedFile((i32)a[4]);
    if (index >= 0) shift = HEAD.files[index].offset;
    return syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5] + shift);
  case SYS_PREAD64:
    index = openedFile((i32)a[0]);
    if (index >= 0) shift = HEAD.files[index].offset;
    return syscall4(number, a[0], a[1], a[2], a[3] + shift);
  case SYS_NEWFSTATAT:
  case SYS_FSTAT: {
    i64 result = syscall4(number, a[0], a[1], a[2], a[3]);
    i32 of_descriptor = number == SYS_FSTAT || (a[3] & AT_EMPTY_PATH && *(const char *)a[1] == 0);
    if (result == 0 && of_descriptor) index = openedFile((i32)a[0]);
    if (index >= 0) tellApart(index, (u64 *)a[number == SYS_FSTAT ? 1 : 2]);
    return result;
  }
  default:
    break;
  }
  return syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* How far the new stack's top may lie below the old one's: a word for each variable that is added, and the
 * text of the one that is made here. */
#define STACK_ROOM "384"
enum { MASK_WORDS = 6, MOST_ADDED = 384 / 8 - MASK_WORDS - 2 };

/* The hooks stand where an instruction stood that changes nothing but its result: so every register is kept.
 */
#if defined(__x86_64__)

/* ld.so does `call *[HEAD.hook]` where it had `syscall; cmp $-4096,%rax`. The 128 bytes below its stack
 * pointer may be in use (the red zone), but for the 8 that the call has taken: the packer's self-test runs
 * what was patched. */
#define HOOK(name, compare)                      \
  __asm__(".pushsection .text." #name ",\"ax\"\n" \
          ".globl " #name "\n" #name ":\n"        \
          "  lea -128(%rsp), %rsp\n"              \
          "  push %rbp\n"                         \
          "  mov %rsp, %rbp\n"                    \
          "  push %r9\n"                          \
          "  push %r8\n"                          \
          "  push %r10\n"                         \
          "  push %rdx\n"                         \
          "  push %rsi\n"                         \
          "  push %rdi\n"                         \
          "  mov %rax, %rdi\n"                    \
          "  mov %rsp, %rsi\n"                    \
          "  and $-16, %rsp\n"                    \
          "  cld\n"                               \
          "  call reeveCall\n"                    \
          "  lea -48(%rbp), %rsp\n"               \
          "  pop %rdi\n"                          \
          "  pop %rsi\n"                          \
          "  pop %rdx\n"                          \
          "  pop %r10\n"                          \
          "  pop %r8\n"                           \
          "  pop %r9\n"                           \
          "  pop %rbp\n"                          \
          "  lea 128(%rsp), %rsp\n"               \
          "  " compare "\n"                       \
          "  ret\n"                               \
          ".popsection")
HOOK(reeveHook, "cmp $-4096, %rax");
HOOK(reeveHookShort, "cmp $-4096, %eax");

/* The kernel enters here: the stack is as for any program, and ld.so is to find one like it. */
__asm__(".pushsection .text.start,\"ax\"\n"
        ".globl stubStart\nstubStart:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  sub $" STACK_ROOM ", %rsp\n"
        "  and $-16, %rsp\n"
        "  call startLoader\n"
        "  mov %rdx, %rsp\n"
        "  xor %edx, %edx\n" /* no function to call at exit */
        "  jmp *%rax\n"
        ".popsection");

#else

/* ld.so branches to a trampoline where it had `svc #0`; that has saved x16 and x30, and calls this. Flags are
 * kept too. */
__asm__(".pushsection .text.reeveHook,\"ax\"\n"
        ".globl reeveHook\nreeveHook:\n"
        ".globl reeveHookShort\nreeveHookShort:\n"
        "  sub sp, sp, #160\n"
        "  stp x0, x1, [sp]\n"
        "  stp x2, x3, [sp, #16]\n"
        "  stp x4, x5, [sp, #32]\n"
        "  stp x6, x7, [sp, #48]\n"
        "  stp x8, x9, [sp, #64]\n"
        "  stp x10, x11, [sp, #80]\n"
        "  stp x12, x13, [sp, #96]\n"
        "  stp x14, x15, [sp, #112]\n"
        "  stp x17, x18, [sp, #128]\n"
        "  mrs x9, nzcv\n"
        "  stp x9, x30, [sp, #144]\n"
        "  mov x0, x8\n"
        "  mov x1, sp\n"
        "  bl reeveCall\n"
        "  ldp x9, x30, [sp, #144]\n"
        "  msr nzcv, x9\n"
        "  ldr x1, [sp, #8]\n"
        "  ldp x2, x3, [sp, #16]\n"
        "  ldp x4, x5, [sp, #32]\n"
        "  ldp x6, x7, [sp, #48]\n"
        "  ldp x8, x9, [sp, #64]\n"
        "  ldp x10, x11, [sp, #80]\n"
        "  ldp x12, x13, [sp, #96]\n"
        "  ldp x14, x15, [sp, #112]\n"
        "  ldp x17, x18, [sp, #128]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".popsection");

__asm__(".pushsection .text.start,\"ax\"\n"
        ".globl stubStart\nstubStart:\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  mov x0, sp\n"
        "  sub sp, sp, #" STACK_ROOM "\n"
        "  bl startLoader\n"
        "  mov x16, x0\n"
        "  mov sp, x1\n"
        "  mov x30, #0\n"
        "  mov x0, #0\n" /* no function to call at exit */
        "  br x16\n"
        ".popsection");

#endif

/* ---- the start -------------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void failWith(i32 code, const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  syscall3(SYS_WRITE, 2, P(text), length);
  exitProcess(code);
}

__attribute__((noreturn)) static void fail(const char *text) { failWith(EXIT_CANNOT_START, text); }

/* The runtime's needs, measured: it starts with these and daemons run; with a little less it ends with a
 * crash report of its own. */
static const struct {
  u64 resource;
  u64 least;
  const char *text;
} NEEDS[] = {
    {RLIMIT_AS, 2560ul << 20,
     "reeve: cannot start: the limit of address space is below the 2560 MiB that its runtime reserves (and does not use): ulimit -v unlimited, "
     "LimitAS=infinity; the option limit-as limits the daemons\n"},
    {RLIMIT_DATA, 2560ul << 20,
     "reeve: cannot start: the limit of data is below the 2560 MiB that its runtime reserves (and does not use): ulimit -d unlimited, "
     "LimitDATA=infinity\n"},
    {RLIMIT_STACK, 192ul << 10, "reeve: cannot start: the limit of the stack is below 192 KiB: ulimit -s 8192, LimitSTACK=8M\n"},
    {RLIMIT_NOFILE, 8, "reeve: cannot start: the limit of open files is below 8: ulimit -n 1024, LimitNOFILE=1024\n"},
};

/* Refuses with a line of ours where the runtime would end with pages of its own. */
static void checkLimits(void) {
  for (u32 i = 0; i < sizeof NEEDS / sizeof NEEDS[0]; i++) {
    struct linux_rlimit limit = {0, 0};
    if (syscall4(SYS_PRLIMIT64, 0, NEEDS[i].resource, 0, P(&limit)) < 0) continue;
    if (limit.soft < NEEDS[i].least) failWith(EXIT_LIMIT, NEEDS[i].text);
  }
}

static u64 map(u64 address, u64 length, u32 protection, u32 flags, i64 fd, u64 offset) {
  i64 result = syscall6(SYS_MMAP, address, length, protection, flags, A(fd), offset);
  if (result < 0 && result >= -4095) fail("reeve: cannot start: no memory to map its dynamic loader in\n");
  return (u64)result;
}

/* One segment of ld.so as the kernel maps it: from the file, the rest of its last page zero, further pages
 * fresh. */
static void mapSegment(const volatile struct stub_segment *segment, u64 base, u64 page, i64 fd) {
  u64 start = base + segment->address;
  u64 file_end = start + segment->file_size;
  u64 memory_end = start + segment->memory_size;
  u64 skew = start % page; /* address and offset agree modulo the page: the packer has seen to it */
  u32 flags = MAP_PRIVATE | MAP_FIXED;
  map(start - skew, segment->file_size + skew, segment->protection, flags, fd, segment->offset - skew);
  if (memory_end <= file_end) return;
  u64 fresh = (file_end + page - 1) / page * page;
  /* To the page's end, not the segment's: ld.so allocates its first memory there, and trusts that it is zero.
   */
  for (volatile u8 *byte = (volatile u8 *)file_end; byte < (volatile u8 *)fresh; byte++) *byte = 0;
  if (memory_end > fresh) {
    map(fresh, memory_end - fresh, segment->protection, flags | MAP_ANONYMOUS, -1, 0);
  }
}

static u64 mapLoader(u64 page) {
  i64 fd = syscall3(SYS_OPENAT, A(AT_FDCWD), P(EXECUTABLE), O_CLOEXEC);
  if (fd == -2) fail("reeve: cannot start: there is no /proc: mount one (mount -t proc proc /proc)\n");
  if (fd == -13) fail("reeve: cannot start: its executable must be readable for its user: chmod 755\n");
  if (fd < 0) fail("reeve: cannot start: cannot open /proc/self/exe\n");
  u64 base = map(0, HEAD.loader_span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (u32 index = 0; index < HEAD.segment_count; index++) mapSegment(&HEAD.segments[index], base, page, fd);
  syscall1(SYS_CLOSE, A(fd));
  return base;
}

/* A program that finds one of these closed would take its first file for it; and the runtime ends where there
 * is no /dev/null that it could put there. Opened with O_PATH, "/" does for a closed one: whoever reads or
 * writes it is told EBADF. */
static void openStandardStreams(void) {
  for (i64 fd = 0; fd <= 2; fd++) {
    if (syscall2(SYS_FCNTL, A(fd), F_GETFD) >= 0) continue;
    i64 opened = syscall3(SYS_OPENAT, A(AT_FDCWD), P("/dev/null"), O_RDWR);
    if (opened < 0) syscall3(SYS_OPENAT, A(AT_FDCWD), P("/"), O_PATH);
  }
}

static const char *next(const char *text) {
  while (*text) text++;
  return text + 1;
}

/* Whether both are NAME=value with the same NAME. */
static i32 sameName(const char *one, const char *other) {
  while (*one && *one == *other && *one != '=') one++, other++;
  return *one == '=' && *other == '=';
}

static i32 isReplaced(const char *entry) {
  for (const char *ours = (const char *)HEAD.environment; *ours; ours = next(ours))
    if (sameName(entry, ours)) return 1;
  return 0;
}

static const char MASK_NAME[] = "REEVE_INTERNAL_MASK=";

/* "NAME=" and 16 hexadecimal digits, into MASK_WORDS words. */
static void writeMask(char *to, u64 mask) {
  for (const char *from = MASK_NAME; *from; from++) *to++ = *from;
  for (i32 shift = 60; shift >= 0; shift -= 4) {
    u64 digit = mask >> shift & 15;
    *to++ = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
  }
  *to = 0;
}

/* Moves argc, argv, the environment and the auxiliary vector down by as much as it takes to have our
 * variables among them, and leaves out those of the same names. The strings stay where they are, and
 * /proc/self/environ tells what the user had set. The text of `mask` comes into the words that are free then,
 * between the vector and what was behind it. -> where argc is now. */
static u64 *addVariables(u64 *stack, u64 mask) {
  u64 *environment = stack + 1 + stack[0] + 1;
  const char *ours = (const char *)HEAD.environment;
  u64 added = 0, replaced = 0;
  for (const char *text = ours; *text; text = next(text)) added++;
  if (added < 2 || added > MOST_ADDED) return stack;
  for (u64 *at = environment; *at; at++) replaced += (u64)isReplaced((const char *)*at);

  /* By an even count of words: the stack is aligned to 16 bytes. What is read always lies above what is
   * written. */
  u64 *top = stack - (added + 1) / 2 * 2 - MASK_WORDS;
  u64 *to = top;
  u64 *from = stack;
  while (from < environment) *to++ = *from++;
  for (; *from; from++)
    if (!isReplaced((const char *)*from) && !sameName((const char *)*from, MASK_NAME)) *to++ = *from;
  *to++ = P(replaced > 0 ? ours : next(ours));
  for (const char *text = next(next(ours)); *text; text = next(text)) *to++ = P(text);
  u64 *mask_entry = to++;
  *to++ = *from++;
  for (;; from += 2, to += 2) {
    to[0] = from[0];
    to[1] = from[1];
    if (to[0] == AT_NULL) break;
  }
  u64 *mask_text = from + 2 - MASK_WORDS;
  writeMask((char *)mask_text, mask);
  *mask_entry = P(mask_text);
  return top;
}

/* struct Elf64_Phdr */
struct program_header {
  u32 type;
  u32 flags;
  u64 offset;
  u64 address;
  u64 physical_address;
  u64 file_size;
  u64 memory_size;
  u64 align;
};
enum { PT_LOAD = 1 };

/* Where the first segment of the program begins, in whole pages; all of them lie below the stub. */
static u64 programStart(void) {
  const struct program_header *headers = (const struct program_header *)(const void *)&HEAD.program_headers;
  u64 start = P(&HEAD);
  for (u32 i = 0; i < STUB_MAX_HEADERS; i++)
    if (headers[i].type == PT_LOAD && headers[i].address < start) start = headers[i].address / headers[i].align * headers[i].align;
  return start;
}

struct start {
  u64 entry;  /* of ld.so */
  u64 *stack; /* as it is to find it */
};

/* `stack`: argc, argv, NULL, environment, NULL, auxiliary vector. Returned in two registers. */
__attribute__((used)) static struct start startLoader(u64 *stack) {
  u64 held = HEAD.held_signals, mask = 0;
  syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, P(&held), P(&mask), SIGNAL_SET_SIZE);
  if (HEAD.segment_count == 0) fail("reeve: cannot start: the executable is damaged (was it stripped?)\n");
  openStandardStreams();
  entrypointRun(stack, mask, programStart(), P(&HEAD));
  checkLimits();
  keeperStartRun(stack, mask, programStart(), P(&HEAD));
  stack = addVariables(stack, mask);
  u64 *at = stack + 1 + stack[0] + 1;
  while (*at) at++;
  u64 *auxiliary = at + 1;
  u64 page = 4096;
  u64 *headers = 0, *base = 0, *entry = 0;
  for (at = auxiliary; at[0]; at += 2) {
    if (at[0] == AT_PAGESZ) page = at[1];
    if (at[0] == AT_PHDR) headers = &at[1];
    if (at[0] == AT_BASE) base = &at[1];
    if (at[0] == AT_ENTRY) entry = &at[1];
  }
  if (!headers || !base || !entry) fail("reeve: cannot start: the kernel tells nothing of the program's headers\n");
  *base = mapLoader(page);
  /* ld.so takes these for what the kernel found, and checks that PT_INTERP is among them. */
  *headers = P(&HEAD.program_headers);
  *entry = HEAD.program_entry;
  return (struct start){*base + HEAD.loader_entry, stack};
}
