/* first COMMAND...: PID 1 of the PID namespace that the end-to-end tests of a root run in, so that the same
 * tests may run on other roots meanwhile and find no process of theirs. Reaps what the tests leave, and ends
 * with COMMAND and its exit code; all else in the namespace ends with it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 98;
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 97;
  }
  int status = 0;
  for (pid_t ended = 0; ended != child;) {
    ended = wait(&status);
    if (ended < 0) return 99;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
