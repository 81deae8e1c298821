/// Every bound of the local backend, named once.
struct LocalLimits: Sendable, Equatable {
  /// Processes and threads of one sandbox, counted by the kernel inside its user namespace.
  var maxProcesses = 512
  /// Open files of each process inside.
  var maxOpenFiles = 4096
  /// Bytes of the largest file that a process inside may write.
  var maxFileBytes: Int64 = 4 << 30
  /// Bytes of /tmp, a tmpfs in the host's memory.
  var tmpBytes: Int64 = 64 << 20
  /// Bytes of /dev/shm, a tmpfs in the host's memory.
  var shmBytes: Int64 = 64 << 20

  /// Waiting for bubblewrap to say that the sandbox's first process exists.
  static let launchTimeoutMs: Int32 = 10_000
  /// Waiting for a program that the backend runs on the host (`bwrap --version`, the trial).
  static let hostProgramTimeoutMs: Int32 = 20_000
  /// Removing a sandbox's files, of which there may be millions.
  static let removalTimeoutMs: Int32 = 600_000
  /// Waiting for a stray process to be gone after SIGKILL.
  static let killTimeoutMs: Int32 = 5_000
  /// Waiting for a bubblewrap that has failed to say why and end.
  static let lastWordsMs: Int32 = 1_000
  /// Passes over /proc in search of strays, which may fork while we look.
  static let sweepPasses = 20
  /// Between two attempts to hand work to a full worker pool.
  static let fullPoolRetryMs: UInt64 = 20

  /// Bytes of a state file; the request that it holds has at most 1 MiB.
  static let maxStateBytes = 4 << 20
  /// Bytes read from the end of a launch log, for an error's text.
  static let logTailBytes = 1024
  /// Bytes of a small file in /proc.
  static let maxProcBytes = 1 << 20
  /// Bytes that bubblewrap's info descriptor may answer.
  static let maxInfoBytes = 4096
  /// Bytes of the sidecar's program.
  static let maxSidecarBytes = 512 << 20
}
