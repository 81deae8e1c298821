// Linux calls that Swift can't make well by itself: variadic ones, those behind _GNU_SOURCE, and
// the few lines between clone and exec, where nothing may allocate.
// Each returns a non-negative result or -errno, so that no caller reads errno across threads.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct xgen_spawn {
  const char *_Nonnull path;  // without '/': searched in PATH of envp
  char *_Nullable const *_Nonnull argv;
  char *_Nullable const *_Nonnull envp;
  const char *_Nullable cwd;
  const int *_Nonnull fds;  // fds[i] becomes descriptor i of the child; -1: left closed
  int fd_count;
  bool new_session;
  bool controlling_terminal;  // descriptor 0 becomes the terminal of the new session
  bool change_user;           // groups emptied, then gid, then uid
  uid_t uid;
  gid_t gid;
  const int *_Nullable cgroups;  // open files of cgroups that the child joins first
  int cgroup_count;
  const int *_Nullable namespaces;  // open namespaces that it enters, in order, as its new user
  int namespace_count;
  uint64_t capabilities;  // of the user namespace that it has entered, kept over the exec
};

/// What failed in a spawn, beside the errno.
enum xgen_spawn_step {
  XGEN_SPAWN_FORK = 0, XGEN_SPAWN_FDS, XGEN_SPAWN_SESSION, XGEN_SPAWN_USER, XGEN_SPAWN_CWD,
  XGEN_SPAWN_EXEC, XGEN_SPAWN_CGROUP, XGEN_SPAWN_NAMESPACE,
};

/// Starts a process; every descriptor that is not in fds is closed in it, every signal default.
/// Returns the pid, or -errno with the failed step in *step.
pid_t xgen_spawn(const struct xgen_spawn *_Nonnull options, enum xgen_spawn_step *_Nonnull step);

/// A pseudo terminal: both ends close-on-exec, the master non-blocking.
int xgen_open_pty(int *_Nonnull primary, int *_Nonnull secondary);
int xgen_set_window_size(int fd, uint16_t columns, uint16_t rows);

int xgen_pidfd_open(pid_t pid);
int xgen_pidfd_send_signal(int pidfd, int signal);
/// Reaps one child without waiting. Returns 1 and its exit code (128+n for signal n) if it had
/// ended, 0 if it runs on, -errno.
int xgen_reap(pid_t pid, int *_Nonnull exit_code);
/// The pid of some child that has ended and is not reaped yet; 0 if none.
pid_t xgen_next_ended_child(void);

int xgen_pipe(int *_Nonnull read_end, int *_Nonnull write_end);
int xgen_set_nonblocking(int fd, bool nonblocking);
int xgen_set_cloexec(int fd);
int xgen_accept(int fd, void *_Nullable address, unsigned *_Nullable length);
int xgen_memfd(const char *_Nonnull name);
/// One that holds these bytes, to be read from its start.
int xgen_memfd_of(const char *_Nonnull name, const void *_Nullable bytes, size_t count);
/// From here on a write that would make the memfd longer fails (EPERM).
int xgen_seal_size(int fd);
int xgen_set_dumpable(bool dumpable);
int xgen_set_no_new_privileges(void);
int xgen_set_limit(int resource, uint64_t soft, uint64_t hard);
/// Raises the soft limit of open files to the hard one; returns what it is then.
int xgen_raise_nofile(void);
int xgen_limit_nproc(void);
int xgen_limit_nofile(void);
int xgen_limit_fsize(void);
int xgen_limit_core(void);
int xgen_limit_data(void);
/// renameat2 and openat2 as system calls (openat2: resolve stays beneath dirfd).
int xgen_open_beneath(int dirfd, const char *_Nonnull path, int flags, unsigned mode);
/// Renames within a folder; -EEXIST if something has the new name already.
int xgen_rename_new(int dirfd, const char *_Nonnull from, const char *_Nonnull to);

/// The user namespace that owns another namespace (ioctl_ns(2)), as an open file.
int xgen_owner_namespace(int fd);

/// Whether a path lies in a cgroup file system: 1 or 2, its version, or 0.
int xgen_cgroup_version(const char *_Nonnull path);
/// Listening TCP sockets of this network namespace through NETLINK_SOCK_DIAG.
int xgen_sock_diag_open(void);
/// Asks for a dump of both families; xgen_sock_diag_read answers until it is done.
int xgen_sock_diag_request(int fd);
/// Reads one batch: fills ports, returns how many; *done is set at the end of the dump.
int xgen_sock_diag_read(int fd, uint16_t *_Nonnull ports, int capacity, bool *_Nonnull done);

// recv and send as they are in a program of one thread: in one of several, libc's own mark the
// thread as cancellable around each call, which costs a relay four atomic operations a frame.
ssize_t xgen_recv(int fd, void *_Nullable bytes, size_t count);
ssize_t xgen_send(int fd, const void *_Nullable bytes, size_t count);

/// The files that the loader has brought into this process: the program, or "" where the kernel
/// started it itself, then its libraries and the loader, by the names under which they are looked
/// for, each with a NUL behind it. Returns the bytes written, or -ENOSPC.
ssize_t xgen_loaded_files(char *_Nonnull names, size_t capacity);
