#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

// Between clone and exec the child runs in its parent's memory, on a stack of its own, while the
// parent's thread waits: it calls the kernel and nothing that allocates, locks or touches another
// thread (glibc's setuid would: it signals them all). It does so without glibc's functions where
// a sanitizer has its own in their place, whose books are the parent's; for the same reason its
// code is not instrumented.
#define IN_CHILD __attribute__((disable_sanitizer_instrumentation, noinline))

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZED 1
#endif
#endif

IN_CHILD static const char *path_of(char *const *envp) {
  for (; *envp; envp++)
    if (strncmp(*envp, "PATH=", 5) == 0) return *envp + 5;
  return "/usr/local/bin:/usr/bin:/bin";
}

IN_CHILD static int exec_in_path(const struct xgen_spawn *options) {
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
IN_CHILD static int place_descriptors(const struct xgen_spawn *options, int *moved) {
  int count = options->fd_count;
  for (int i = 0; i < count; i++) {
    moved[i] = options->fds[i];
    if (moved[i] >= 0 && (moved[i] = syscall(SYS_fcntl, moved[i], F_DUPFD_CLOEXEC, count)) < 0)
      return errno;
  }
  for (int i = 0; i < count; i++) {
    if (moved[i] < 0) syscall(SYS_close, i);
    else if (syscall(SYS_dup3, moved[i], i, 0) < 0) return errno;
  }
  if (syscall(SYS_close_range, (unsigned)count, ~0u, 0) < 0) return errno;
  return 0;
}

// The kernel's own sigaction begins with the handler and is no larger than this; all zero is
// SIG_DFL.
IN_CHILD static void default_signals(void) {
  const long action[8] = {0};
  const unsigned long none[_NSIG / 8 / sizeof(unsigned long)] = {0};
  for (int n = 1; n < _NSIG; n++)
    if (n != SIGKILL && n != SIGSTOP) syscall(SYS_rt_sigaction, n, action, NULL, sizeof none);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, sizeof none);
}

// "0" names the writer (cgroups(7)); the exec's new memory is then charged to these cgroups.
IN_CHILD static int join_cgroups(const struct xgen_spawn *options) {
  for (int i = 0; i < options->cgroup_count; i++)
    if (syscall(SYS_write, options->cgroups[i], "0", 1) < 0) return errno;
  return 0;
}

// Who enters a user namespace has every capability in it, which the exec would take away again:
// those that stay are made inheritable, then ambient (capabilities(7)).
IN_CHILD static int enter_namespaces(const struct xgen_spawn *options) {
  for (int i = 0; i < options->namespace_count; i++)
    if (syscall(SYS_setns, options->namespaces[i], 0) < 0) return errno;
  if (!options->capabilities) return 0;
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &head, sets) < 0) return errno;
  sets[0].inheritable = (uint32_t)options->capabilities;
  sets[1].inheritable = (uint32_t)(options->capabilities >> 32);
  if (syscall(SYS_capset, &head, sets) < 0) return errno;
  for (long bit = 0; bit < 64; bit++)
    if (options->capabilities >> bit & 1 &&
        syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) < 0)
      return errno;
  return 0;
}

struct child {
  const struct xgen_spawn *options;
  int *moved;
  enum xgen_spawn_step step;
  int failed;
};

IN_CHILD static int prepare(const struct xgen_spawn *o, struct child *child) {
  child->step = XGEN_SPAWN_CGROUP;
  int unjoined = join_cgroups(o);
  if (unjoined) return unjoined;
  child->step = XGEN_SPAWN_SESSION;
  if (o->new_session && syscall(SYS_setsid) < 0) return errno;
  child->step = XGEN_SPAWN_USER;
  if (o->change_user) {
    if (syscall(SYS_setgroups, 0, NULL) < 0) return errno;
    if (syscall(SYS_setresgid, o->gid, o->gid, o->gid) < 0) return errno;
    if (syscall(SYS_setresuid, o->uid, o->uid, o->uid) < 0) return errno;
  }
  child->step = XGEN_SPAWN_NAMESPACE;
  int outside = enter_namespaces(o);
  if (outside) return outside;
  child->step = XGEN_SPAWN_FDS;
  int failed = place_descriptors(o, child->moved);
  if (failed) return failed;
  child->step = XGEN_SPAWN_SESSION;
  if (o->controlling_terminal && syscall(SYS_ioctl, 0, TIOCSCTTY, 0) < 0) return errno;
  child->step = XGEN_SPAWN_CWD;
  if (o->cwd && syscall(SYS_chdir, o->cwd) < 0) return errno;
  child->step = XGEN_SPAWN_EXEC;
  default_signals();
  return exec_in_path(o);
}

// Returns only if there was no exec; its result is the exit code.
IN_CHILD static int in_child(void *argument) {
  struct child *child = argument;
  child->failed = prepare(child->options, child);
  return 127;
}

typedef int clone_function(int (*)(void *), void *, int, void *, ...);

// ThreadSanitizer's clone takes the child for one with memory of its own: glibc's is wanted.
static clone_function *real_clone(void) {
#ifdef IS_THREAD_SANITIZED
  return (clone_function *)dlsym(dlopen("libc.so.6", RTLD_NOLOAD | RTLD_NOW), "clone");
#else
  return clone;
#endif
}

pid_t xgen_spawn(const struct xgen_spawn *options, enum xgen_spawn_step *step) {
  enum { MAX_FDS = 16, STACK_BYTES = 64 * 1024 };
  if (options->fd_count > MAX_FDS) return -EINVAL;
  int moved[MAX_FDS];
  _Alignas(16) char stack[STACK_BYTES];
  struct child child = {.options = options, .moved = moved, .step = XGEN_SPAWN_FORK};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t pid = real_clone()(
      in_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  if (pid < 0) child.failed = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *step = child.step;
  if (!child.failed) return pid;
  if (pid > 0) {
    int ignored;
    while (xgen_reap(pid, &ignored) == 0) {
    }
  }
  return -child.failed;
}
