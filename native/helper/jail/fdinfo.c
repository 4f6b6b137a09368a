/* fdinfo.c: what /proc says of an open descriptor. */
#include "helper/jail/fdinfo.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

i64 fdinfoNumber(i32 proc, i32 fd, const char *field) {
  struct text_line path;
  char text[512];
  i64 number = 0;
  i64 length = (i64)textLength(field);
  if (proc < 0) return -ENOENT;
  lineStart(&path);
  lineText(&path, "self/fdinfo/");
  lineNumber(&path, (u64)fd);
  i64 info = syscall4(SYS_OPENAT, A(proc), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
  if (info < 0) return info;
  i64 count = syscall3(SYS_READ, A(info), P(text), sizeof text);
  syscall1(SYS_CLOSE, A(info));
  if (count < 0) return count;
  for (i64 at = 0; at + length < count; at++) {
    if ((at > 0 && text[at - 1] != '\n') || memcmp(text + at, field, (u64)length) != 0) continue;
    for (at += length; at < count && text[at] >= '0' && text[at] <= '9'; at++) number = number * 10 + (text[at] - '0');
    return number;
  }
  return -ENOSYS;
}
