/* stub.h: what the packer fills into the stub, at its very start.
 *
 * Little-endian, written by build/pack/stub_head.ts and read by stub.c, nowhere else. The linker sets `hook`
 * and `hook_short`, the packer all that follows them.
 */
#ifndef REEVE_STUB_H
#define REEVE_STUB_H

#include "reeve.h"

#define STUB_MAGIC "REEVE\0S1"
#define STUB_MAX_SEGMENTS 6
#define STUB_MAX_FILES 8
#define STUB_MAX_HEADERS 16
#define STUB_NAME 32
#define STUB_ENVIRONMENT 512

/* A part of ld.so, as its program header has it; `offset` counts from the start of the executable. */
struct stub_segment {
  u64 address;
  u64 offset;
  u64 file_size;
  u64 memory_size;
  u32 protection; /* PROT_* */
  u32 zero;
};

/* A library within the executable: its bytes there, and the name under which ld.so asks for it. */
struct stub_file {
  u64 offset;
  u64 size;
  char name[STUB_NAME];
};

struct stub_head {
  char magic[8];
  /* where the patched system calls of ld.so go: replaces `syscall; cmp $-4096,%rax`, or `svc #0` */
  u64 hook;
  u64 hook_short; /* x86-64: replaces `syscall; cmp $-4096,%eax` */
  u64 program_entry;
  u64 loader_entry; /* from ld.so's first byte in memory */
  u64 loader_span;
  u32 segment_count;
  u32 file_count;
  /* blocked from the stub's first instruction on, until who takes over has a use for them; bit n-1 is signal
   * n */
  u64 held_signals;
  struct stub_segment segments[STUB_MAX_SEGMENTS];
  struct stub_file files[STUB_MAX_FILES];
  u8 program_headers[STUB_MAX_HEADERS][56]; /* as they were before the packing, but for PT_PHDR's address */
  /* NAME=value, one after the other, an empty one at the end: variables that the program is started with, in
   * place of those of the same name. One of the first two alone: the first when the user had set any of these
   * names, else the second. The stub adds one more, with the signal mask that the program was started with.
   */
  char environment[STUB_ENVIRONMENT];
};

#endif
