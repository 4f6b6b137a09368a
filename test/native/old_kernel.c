/* old_kernel.c: runs a program as if the kernel were an old one (4.19): the calls that came later are not
 * known to it.
 *
 * usage: old_kernel ARGV0 PROGRAM ARGUMENT...
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* pidfd_send_signal is the first of them, and all have the same number everywhere. */
enum { FIRST_UNKNOWN = 424, LAST_UNKNOWN = 1000 };

int main(int argc, char **argv) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, LAST_UNKNOWN, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_UNKNOWN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (argc < 3) return 125;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) {
    perror("seccomp");
    return 125;
  }
  const char *file = argv[2];
  argv[2] = argv[1];
  execv(file, argv + 2);
  perror(file);
  return 125;
}
