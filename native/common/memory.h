/* memory.h: memory for who has no allocator. */
#ifndef REEVE_MEMORY_H
#define REEVE_MEMORY_H

#include "common/linux.h"
#include "common/syscall.h"

/* Private to this process: a copy of the file `fd`, or zeroes where that is -1. -> its address, or -errno. */
static inline i64 mapMemory(u64 size, i32 fd) {
  u64 flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;
  return syscall6(SYS_MMAP, 0, size, PROT_READ | PROT_WRITE, flags, A(fd), 0);
}

#endif
