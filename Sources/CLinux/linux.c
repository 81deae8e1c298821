#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int result_of(long status) { return status < 0 ? -errno : (int)status; }

int xgen_open_pty(int *primary, int *secondary) {
  int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return -errno;
  char name[64];
  if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof name) != 0 ||
      (*secondary = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
    int failed = errno;
    close(fd);
    return -failed;
  }
  xgen_set_nonblocking(fd, true);
  *primary = fd;
  return 0;
}

int xgen_set_window_size(int fd, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return result_of(ioctl(fd, TIOCSWINSZ, &size));
}

int xgen_pidfd_open(pid_t pid) { return result_of(syscall(SYS_pidfd_open, pid, 0)); }

int xgen_pidfd_send_signal(int pidfd, int signal) {
  return result_of(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int xgen_reap(pid_t pid, int *exit_code) {
  int status;
  pid_t ended = waitpid(pid, &status, WNOHANG);
  if (ended < 0) return -errno;
  if (ended == 0) return 0;
  *exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return 1;
}

pid_t xgen_next_ended_child(void) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return 0;
  return info.si_pid;
}

int xgen_pipe(int *read_end, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

int xgen_set_nonblocking(int fd, bool nonblocking) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return result_of(fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int xgen_set_cloexec(int fd) { return result_of(fcntl(fd, F_SETFD, FD_CLOEXEC)); }

int xgen_accept(int fd, void *address, unsigned *length) {
  return result_of(accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int xgen_memfd(const char *name) {
  return result_of(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

int xgen_memfd_of(const char *name, const void *bytes, size_t count) {
  int fd = xgen_memfd(name);
  if (fd < 0) return fd;
  ssize_t written = pwrite(fd, bytes, count, 0);
  if (written >= 0 && (size_t)written == count) return fd;
  int error = written < 0 ? -errno : -EIO;
  close(fd);
  return error;
}

int xgen_seal_size(int fd) {
  return result_of(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
}

int xgen_owner_namespace(int fd) { return result_of(ioctl(fd, NS_GET_USERNS)); }

int xgen_set_dumpable(bool dumpable) { return result_of(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0)); }

int xgen_set_no_new_privileges(void) { return result_of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int xgen_set_limit(int resource, uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return result_of(setrlimit(resource, &limit));
}

int xgen_raise_nofile(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}

int xgen_limit_nproc(void) { return RLIMIT_NPROC; }
int xgen_limit_nofile(void) { return RLIMIT_NOFILE; }
int xgen_limit_fsize(void) { return RLIMIT_FSIZE; }
int xgen_limit_core(void) { return RLIMIT_CORE; }
int xgen_limit_data(void) { return RLIMIT_DATA; }

int xgen_open_beneath(int dirfd, const char *path, int flags, unsigned mode) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  return result_of(syscall(SYS_openat2, dirfd, path, &how, sizeof how));
}

int xgen_rename_new(int dirfd, const char *from, const char *to) {
  return result_of(renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE));
}

int xgen_cgroup_version(const char *path) {
  struct statfs info;
  if (statfs(path, &info) < 0) return -errno;
  if (info.f_type == CGROUP_SUPER_MAGIC) return 1;
  return info.f_type == CGROUP2_SUPER_MAGIC ? 2 : 0;
}

ssize_t xgen_recv(int fd, void *bytes, size_t count) {
  long received = syscall(SYS_recvfrom, fd, bytes, count, 0, NULL, NULL);
  return received < 0 ? -errno : received;
}

ssize_t xgen_send(int fd, const void *bytes, size_t count) {
  long sent = syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, NULL, 0);
  return sent < 0 ? -errno : sent;
}

struct name_list {
  char *names;
  size_t capacity, used;
  bool is_full;
};

static int append_loaded_file(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  struct name_list *list = context;
  size_t length = strlen(info->dlpi_name) + 1;
  // The kernel's own page of code is no file: its name has no slash.
  bool is_file = strchr(info->dlpi_name, '/') != NULL || list->used == 0;
  if (!is_file) return 0;
  if (list->capacity - list->used < length) {
    list->is_full = true;
    return 1;
  }
  memcpy(list->names + list->used, info->dlpi_name, length);
  list->used += length;
  return 0;
}

ssize_t xgen_loaded_files(char *names, size_t capacity) {
  struct name_list list = {.names = names, .capacity = capacity};
  dl_iterate_phdr(append_loaded_file, &list);
  return list.is_full ? -ENOSPC : (ssize_t)list.used;
}
