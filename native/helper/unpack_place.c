/* unpack_place.c: the records that say where a child lives: checked, so that nothing is mounted, named or
 * thrown away in the namespaces of the caller. Pure: no system call.
 */
#include "helper/unpack_place.h"

#include "common/linux.h"

enum {
  NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWNET,
  MOUNT_OPTIONS = REEVE_MO_CREATE | REEVE_MO_RECURSIVE | REEVE_MO_OPTIONAL | REEVE_MO_SOURCE_INSIDE,
  UMOUNT_FLAGS = MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW,
  MOUNT_SIZE = sizeof(struct reeve_mount)
};

static i32 areNamespaces(u32 flags) { return flags != 0 && (flags & ~(u32)NAMESPACES) == 0; }

i32 placeSetns(const struct record *record, struct request *request) {
  if (record->length != 8 || request->nsetns == MAX_SETNS) return 0;
  struct request_setns join = {(i32)read32(record->bytes), read32(record->bytes + 4)};
  request->setns[request->nsetns++] = join;
  return join.fd >= 0 && areNamespaces(join.flags);
}

i32 placeUnshare(const struct record *record, struct request *request) {
  return isNumber(record, &request->unshare) && areNamespaces(request->unshare);
}

/* The string at *at, which moves behind its NUL; null when it does not end within the record or is too long.
 */
static const char *nextString(const struct record *record, u32 *at) {
  const char *text = (const char *)record->bytes + *at;
  for (u32 length = 1; *at < record->length && length <= MAX_MOUNT_STRING; length++) {
    if (record->bytes[(*at)++] == 0) return text;
  }
  return 0;
}

/* Lays the record out, as far as its bytes allow. */
static i32 readMount(const struct record *record, struct request_mount *mount) {
  u32 at = MOUNT_SIZE;
  if (record->length < MOUNT_SIZE) return 0;
  mount->what.kind = read32(record->bytes);
  mount->what.options = read32(record->bytes + 4);
  mount->what.flags = read64(record->bytes + 8);
  mount->source = nextString(record, &at);
  mount->target = mount->source ? nextString(record, &at) : 0;
  mount->type = mount->target ? nextString(record, &at) : 0;
  mount->data = mount->type ? nextString(record, &at) : 0;
  return mount->data && at == record->length;
}

i32 placeMount(const struct record *record, struct request *request) {
  struct request_mount mount;
  if (request->nmounts == MAX_MOUNTS || !readMount(record, &mount) || !*mount.target) return 0;
  request->nmounts++;
  u64 flags = mount.what.flags;
  if (mount.what.options & ~(u32)MOUNT_OPTIONS || flags > 0xffffffff) return 0;
  switch (mount.what.kind) {
    case REEVE_M_BIND: return *mount.source && (flags & ~(u64)(MS_ATTRIBUTES | MS_WHAT)) == 0;
    case REEVE_M_REMOUNT: return (flags & ~(u64)(MS_ATTRIBUTES | MS_WHAT)) == 0;
    case REEVE_M_NEW: return *mount.type != 0;
    case REEVE_M_PLAIN: return 1;
    case REEVE_M_UMOUNT: return (flags & ~(u64)UMOUNT_FLAGS) == 0;
    case REEVE_M_DEVICES: return flags == 0;
    default: return 0;
  }
}

i32 placeRoot(const struct record *record, struct request *request) {
  struct record text = {record->tag, record->length - 8, record->bytes + 8};
  if (record->length < 8 || text.length > MAX_MOUNT_STRING) return 0;
  request->root_kind = read32(record->bytes);
  request->root = (const char *)text.bytes;
  if (request->root_kind != REEVE_R_PIVOT && request->root_kind != REEVE_R_CHROOT) return 0;
  return read32(record->bytes + 4) == 0 && isString(&text) && *request->root;
}

i32 placeHostname(const struct record *record, struct request *request) {
  request->hostname = (const char *)record->bytes;
  return isString(record) && *request->hostname && record->length <= MAX_HOSTNAME + 1;
}

void placeFillMount(const struct record *record, struct request_mount *mount) { readMount(record, mount); }

/* Will the child be in such a namespace that is not the caller's? */
static i32 hasNamespace(const struct request *request, u32 flag) {
  if (request->unshare & flag) return 1;
  for (u32 i = 0; i < request->nsetns; i++) {
    if (request->setns[i].flags & flag) return 1;
  }
  return 0;
}

/* Nothing that is mounted, named or thrown away may be the caller's. */
i32 placeIsOwn(const struct request *request) {
  if (request->nmounts > 0 && !hasNamespace(request, CLONE_NEWNS)) return 0;
  i32 is_private = request->root_kind == REEVE_R_PIVOT || (request->flags & REEVE_F_SHIELD);
  if (is_private && !(request->unshare & CLONE_NEWNS)) return 0;
  if (request->hostname && !hasNamespace(request, CLONE_NEWUTS)) return 0;
  return !(request->flags & REEVE_F_LOOPBACK) || (request->unshare & CLONE_NEWNET);
}
