#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

// Between vfork and exec the child runs in its parent's memory: it calls the kernel and nothing
// that allocates, locks or touches another thread (glibc's setuid would: it signals them all).

static const char *path_of(char *const *envp) {
  for (; *envp; envp++)
    if (strncmp(*envp, "PATH=", 5) == 0) return *envp + 5;
  return "/usr/local/bin:/usr/bin:/bin";
}

static int exec_in_path(const struct xgen_spawn *options) {
  if (strchr(options->path, '/')) {
    execve(options->path, options->argv, options->envp);
    return errno;
  }
  size_t name = strlen(options->path);
  if (name == 0 || name > NAME_MAX) return ENOENT;
  char candidate[PATH_MAX];
  int result = ENOENT;
  for (const char *dir = path_of(options->envp); *dir;) {
    size_t length = strcspn(dir, ":");
    if (length > 0 && length + name + 2 <= sizeof candidate) {
      memcpy(candidate, dir, length);
      candidate[length] = '/';
      memcpy(candidate + length + 1, options->path, name + 1);
      execve(candidate, options->argv, options->envp);
      if (errno != ENOENT && errno != ENOTDIR) result = errno;
    }
    dir += length;
    if (*dir == ':') dir++;
  }
  return result;
}

// Moves every source descriptor above the targets first, so that no target overwrites a source
// that is still needed; then closes the rest.
static int place_descriptors(const struct xgen_spawn *options, int *moved) {
  int count = options->fd_count;
  for (int i = 0; i < count; i++) {
    moved[i] = options->fds[i];
    if (moved[i] >= 0 && (moved[i] = fcntl(moved[i], F_DUPFD_CLOEXEC, count)) < 0) return errno;
  }
  for (int i = 0; i < count; i++) {
    if (moved[i] < 0) close(i);
    else if (dup2(moved[i], i) < 0) return errno;
  }
  if (syscall(SYS_close_range, (unsigned)count, ~0u, 0) < 0) return errno;
  return 0;
}

static void default_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int n = 1; n < _NSIG; n++)
    if (n != SIGKILL && n != SIGSTOP) sigaction(n, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// "0" names the writer (cgroups(7)); the exec's new memory is then charged to these cgroups.
static int join_cgroups(const struct xgen_spawn *options) {
  for (int i = 0; i < options->cgroup_count; i++)
    if (write(options->cgroups[i], "0", 1) < 0) return errno;
  return 0;
}

static int in_child(const struct xgen_spawn *o, int *moved, volatile enum xgen_spawn_step *step) {
  *step = XGEN_SPAWN_CGROUP;
  int unjoined = join_cgroups(o);
  if (unjoined) return unjoined;
  *step = XGEN_SPAWN_SESSION;
  if (o->new_session && setsid() < 0) return errno;
  *step = XGEN_SPAWN_FDS;
  int failed = place_descriptors(o, moved);
  if (failed) return failed;
  *step = XGEN_SPAWN_SESSION;
  if (o->controlling_terminal && ioctl(0, TIOCSCTTY, 0) < 0) return errno;
  *step = XGEN_SPAWN_USER;
  if (o->change_user) {
    if (syscall(SYS_setgroups, 0, NULL) < 0) return errno;
    if (syscall(SYS_setresgid, o->gid, o->gid, o->gid) < 0) return errno;
    if (syscall(SYS_setresuid, o->uid, o->uid, o->uid) < 0) return errno;
  }
  *step = XGEN_SPAWN_CWD;
  if (o->cwd && chdir(o->cwd) < 0) return errno;
  *step = XGEN_SPAWN_EXEC;
  default_signals();
  return exec_in_path(o);
}

pid_t xgen_spawn(const struct xgen_spawn *options, enum xgen_spawn_step *step) {
  enum { MAX_FDS = 16 };
  if (options->fd_count > MAX_FDS) return -EINVAL;
  int moved[MAX_FDS];
  volatile int failed = 0;
  volatile enum xgen_spawn_step reached = XGEN_SPAWN_FORK;  // written by the child
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t pid = vfork();
  if (pid == 0) {
    failed = in_child(options, moved, &reached);
    _exit(127);
  }
  if (pid < 0) failed = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *step = reached;
  if (!failed) return pid;
  if (pid > 0) {
    int ignored;
    while (xgen_reap(pid, &ignored) == 0) {
    }
  }
  return -failed;
}
