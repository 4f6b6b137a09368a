/* mount_table.c: /proc/self/mountinfo of the host's /proc, which tells what this process sees, for what has
 * no call of its own.
 *
 * A path of the table is only a way to a mount: what is found there counts if it has the mount's number, else
 * nothing is done.
 */
#include "helper/jail/mount_table.h"

#include "common/linux.h"
#include "common/memory.h"
#include "helper/jail/mount_fd.h"
#include "common/syscall.h"
#include "common/text.h"

enum { TABLE_SIZE_FIRST = 1 << 16, TABLE_SIZE_MAX = 1 << 26 };

struct table {
  char *text;
  u64 size; /* of the memory behind `text` */
  struct mount_entry *entries;
  u32 count;
};

static void unmap(void *memory, u64 size) {
  if (memory) syscall2(SYS_MUNMAP, P(memory), size);
}

/* -> bytes read, or -errno; -E2BIG when they do not fit */
static i64 readAll(i64 fd, char *text, u64 size) {
  u64 used = 0;
  for (;;) {
    if (used == size) return -E2BIG;
    i64 count = syscall3(SYS_READ, A(fd), P(text + used), size - used);
    if (count == -EINTR) continue;
    if (count < 0) return count;
    if (count == 0) return (i64)used;
    used += (u64)count;
  }
}

/* Reads all anew into more memory until it fits, for a table that is read in pieces may change in between. ->
 * bytes or -errno */
static i64 readTable(const struct request *request, struct table *table) {
  i64 result = -E2BIG;
  for (u64 size = TABLE_SIZE_FIRST; result == -E2BIG && size <= TABLE_SIZE_MAX; size *= 4) {
    if (request->state.proc < 0) return -ENOENT;
    i64 fd = syscall4(SYS_OPENAT, A(request->state.proc), P("self/mountinfo"), O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    i64 memory = mapMemory(size, -1);
    result = memory < 0 ? memory : readAll(fd, (char *)memory, size - 1);
    syscall1(SYS_CLOSE, A(fd));
    if (memory < 0) return memory;
    table->text = (char *)memory;
    table->size = size;
    if (result < 0) {
      unmap(table->text, size);
      table->text = 0;
    }
  }
  return result;
}

static i64 takeNumber(char **at) {
  i64 number = 0;
  for (; **at >= '0' && **at <= '9'; ++*at) number = number * 10 + (**at - '0');
  if (**at) ++*at;
  return number;
}

/* The next word of the line, ended in place. */
static char *takeWord(char **at) {
  char *word = *at;
  while (**at && **at != ' ' && **at != '\n') ++*at;
  if (**at == ' ') *(*at)++ = 0;
  return word;
}

static i32 isOctal(const char *text) {
  for (u32 i = 1; i < 4; i++) {
    if (text[i] < '0' || text[i] > '7') return 0;
  }
  return 1;
}

/* Blank, tab, newline and backslash stand as \ooo. */
static void unescape(char *text) {
  char *to = text;
  while (*text) {
    if (*text == '\\' && isOctal(text)) {
      *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
      text += 4;
    } else {
      *to++ = *text++;
    }
  }
  *to = 0;
}

/* "NUMBER PARENT MAJOR:MINOR ROOT PATH OPTIONS [FIELD...] - TYPE ..." line by line. */
static void parse(struct table *table) {
  char *at = table->text;
  while (*at) {
    struct mount_entry *entry = &table->entries[table->count++];
    entry->number = takeNumber(&at);
    entry->parent = takeNumber(&at);
    takeWord(&at);
    entry->root = takeWord(&at);
    entry->path = takeWord(&at);
    while (*at && *at != '\n' && !textEqual(takeWord(&at), "-")) continue;
    entry->type = takeWord(&at);
    while (*at && *at != '\n') at++;
    if (*at) *at++ = 0;
    unescape(entry->root);
    unescape(entry->path);
  }
}

/* A mount is below `top` if one of its parents is. */
static void markBelow(struct table *table, i64 top) {
  i32 found = 1;
  while (found) {
    found = 0;
    for (u32 i = 0; i < table->count; i++) {
      struct mount_entry *entry = &table->entries[i];
      if (entry->is_below || entry->number == top) continue;
      i32 is_below = entry->parent == top;
      for (u32 j = 0; j < table->count && !is_below; j++) {
        is_below = table->entries[j].is_below && table->entries[j].number == entry->parent;
      }
      entry->is_below = is_below;
      found |= is_below;
    }
  }
}

static void freeTable(struct table *table) {
  unmap(table->entries, table->count * sizeof *table->entries);
  unmap(table->text, table->size);
}

static i64 loadAll(const struct request *request, struct table *table) {
  table->text = 0;
  table->entries = 0;
  table->count = 0;
  i64 length = readTable(request, table);
  if (length < 0) return length;
  u64 lines = 1;
  for (i64 i = 0; i < length; i++) lines += table->text[i] == '\n';
  i64 memory = mapMemory(lines * sizeof *table->entries, -1);
  if (memory < 0) {
    freeTable(table);
    return memory;
  }
  table->entries = (struct mount_entry *)memory;
  parse(table);
  return 0;
}

static i64 loadTable(const struct request *request, i32 mount, struct table *table) {
  i64 top = mountNumber(request, mount);
  i64 result = top < 0 ? top : loadAll(request, table);
  if (result >= 0) markBelow(table, top);
  return result;
}

/* Is `path` `top`, or beneath it? */
static i32 isWithin(const char *path, const char *top) {
  if (textEqual(top, "/")) return 1;
  while (*top && *path == *top) {
    path++;
    top++;
  }
  return !*top && (!*path || *path == '/');
}

static const struct mount_entry *entryOf(const struct table *table, i64 number) {
  for (u32 i = 0; i < table->count; i++) {
    if (table->entries[i].number == number) return &table->entries[i];
  }
  return 0;
}

static i32 isAncestor(const struct table *table, const struct mount_entry *above,
                      const struct mount_entry *entry) {
  const struct mount_entry *at = entryOf(table, entry->parent);
  for (u32 i = 0; at && i < table->count; i++) { /* no deeper than there are mounts */
    if (at == above) return 1;
    at = entryOf(table, at->parent);
  }
  return 0;
}

/* Does the way to it lead into another mount, which lies on it or on a directory above it? */
static i32 isCovered(const struct table *table, const struct mount_entry *entry) {
  for (u32 i = 0; i < table->count; i++) {
    const struct mount_entry *other = &table->entries[i];
    if (other != entry && isWithin(entry->path, other->path) && !isAncestor(table, other, entry)) return 1;
  }
  return 0;
}

static i32 isMount(const struct request *request, i64 fd, const struct mount_entry *entry) {
  return fd >= 0 && mountNumber(request, (i32)fd) == entry->number;
}

i64 mountTableEach(const struct request *request, i32 mount, i64 (*visit)(const struct request *, i32, void *), void *context) {
  struct table table;
  i64 result = loadTable(request, mount, &table);
  if (result < 0) return result;
  for (u32 i = 0; i < table.count && result >= 0; i++) {
    const struct mount_entry *entry = &table.entries[i];
    if (!entry->is_below) continue;
    i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(entry->path), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (isMount(request, fd, entry)) result = visit(request, (i32)fd, context);
    if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
  }
  freeTable(&table);
  return result;
}

i64 mountTableFind(const struct request *request, mount_filter *wants, mount_visit *visit, void *context) {
  struct table table;
  i64 result = loadAll(request, &table);
  if (result < 0) return result;
  for (u32 i = table.count; i > 0 && result >= 0; i--) {
    const struct mount_entry *entry = &table.entries[i - 1];
    if (!wants(entry, entryOf(&table, entry->parent)) || isCovered(&table, entry)) continue;
    i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(entry->path), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    result = isMount(request, fd, entry) ? visit(request, entry, (i32)fd, context) : -ESTALE;
    if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
  }
  freeTable(&table);
  return result;
}

/* The mount that is looked at and the one that is unmounted are the same name in the same directory: the way
 * there may be led elsewhere in between, but a directory that something is mounted on cannot be moved. */
static i64 unmountEntry(const struct request *request, const struct mount_entry *entry, u64 flags) {
  char *name = entry->path + textLength(entry->path);
  while (name > entry->path && name[-1] != '/') name--;
  if (name == entry->path || !*name) return 0;
  name[-1] = 0;
  const char *path = *entry->path ? entry->path : "/";
  i64 parent = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (parent < 0) return 0;
  i64 fd = syscall4(SYS_OPENAT, A(parent), P(name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  i32 is_mount = isMount(request, fd, entry);
  if (fd >= 0) syscall1(SYS_CLOSE, A(fd)); /* it would keep it busy */
  i64 result = is_mount ? umountIn((i32)parent, name, flags) : 0;
  syscall1(SYS_CLOSE, A(parent));
  return result;
}

i64 mountTableUnmount(const struct request *request, i32 mount, u64 flags) {
  struct table table;
  i64 result = loadTable(request, mount, &table);
  if (result < 0) return result;
  for (u32 i = table.count; i > 0 && result >= 0; i--) {
    const struct mount_entry *entry = &table.entries[i - 1];
    if (!entry->is_below) continue;
    result = unmountEntry(request, entry, flags);
  }
  freeTable(&table);
  return result;
}
