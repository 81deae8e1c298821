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
  /// Bytes of private memory that each process inside may have; nil where the sandbox's cgroup
  /// counts all of them together.
  var maxDataBytes: Int64?
  /// Of a sandbox that asks for none.
  var resources = SandboxLimits(cpuMilli: 1000, memoryBytes: 1 << 30, diskBytes: 2 << 30)

  /// Processes that a cgroup counts beside those that the kernel counts in the user namespace:
  /// bubblewrap's, outside and while it starts. Only RLIMIT_NPROC is then ever met.
  static let processesOfBubblewrap = 8
  /// The least `maxDataBytes`: the sidecar is held to it, too.
  static let minDataBytes: Int64 = 256 << 20

  /// Waiting for bubblewrap to say that the sandbox's first process exists.
  static let launchTimeoutMs: Int32 = 10_000
  /// Waiting for a program that the backend runs on the host (`bwrap --version`, the trial).
  static let hostProgramTimeoutMs: Int32 = 20_000
  /// Waiting for a sandbox's packet filter, and for its interface.
  static let networkTimeoutMs: Int32 = 10_000
  /// Between two looks whether the interface is there.
  static let networkRetryUs: UInt32 = 1_000
  /// What pasta needs for itself (31 MB measured), added to the memory of the sandbox that it serves.
  static let networkBytes: Int64 = 48 << 20
  /// And in processes.
  static let processesOfNetwork = 1
  /// Sandboxes whose files are removed at once: half of the worker threads stay free for the rest.
  static let removalsAtOnce = 4
  /// Removing a sandbox's files, of which there may be millions.
  static let removalTimeoutMs: Int32 = 600_000
  /// Waiting for a stray process to be gone after SIGKILL.
  static let killTimeoutMs: Int32 = 5_000
  /// Waiting for a bubblewrap that has failed to say why and end.
  static let lastWordsMs: Int32 = 1_000
  /// Passes over /proc in search of strays, which may fork while we look.
  static let sweepPasses = 20
  /// Killing what is in a cgroup until it can be removed.
  static let cgroupRemovalMs: Int32 = 5_000
  static let cgroupRetryUs: UInt32 = 2_000
  /// Between two attempts, such as to hand work to a full worker pool.
  static let retryMs: UInt64 = 20

  // The sweep.
  /// Between two turns.
  static let sweepMs: UInt64 = 500
  /// A kill for want of memory so long ago is no explanation of an end.
  static let memoryReasonMs: UInt64 = 3_000
  /// Walking in one turn, all disks together: a tenth of a core.
  static let diskTurnNs: UInt64 = 50_000_000
  /// One disk's share of a turn, before others come.
  static let diskSliceNs: UInt64 = 10_000_000
  /// Walks that hold open folders between turns.
  static let diskWalksAtOnce = 16
  /// Folders that a walk holds open, from the home down, beside the present one: 400 in all, and as
  /// many more as a turn has slices.
  static let openDiskLevels = 24
  /// Folders within folders that are measured, 24 bytes of memory each.
  static let maxDiskDepth = 16_384
  /// Open files without a name that a walk remembers, so as to count each once.
  static let maxHiddenFiles = 16_384
  /// What an empty file counts.
  static let minEntryBytes: Int64 = 1024
  /// Walks in a row that are over the limit, before the sandbox is.
  static let diskWalksOver = 2
  /// Walks in a row that lost their way, before the sandbox is ended for it.
  static let diskWalksLost = 5
  /// Between two walks of one disk.
  static let minDiskPauseMs: UInt64 = 1_000
  static let maxDiskPauseMs: UInt64 = 60_000

  /// Bytes of a state file; the request that it holds has at most 1 MiB.
  static let maxStateBytes = 4 << 20
  /// Bytes read from the end of a launch log, for an error's text.
  static let logTailBytes = 1024
  /// Bytes of a small file in /proc.
  static let maxProcBytes = 1 << 20
  /// Bytes of a limit or a list of counters in a cgroup.
  static let maxCgroupFileBytes = 4096
  /// Bytes that bubblewrap's info descriptor may answer.
  static let maxInfoBytes = 4096
  /// Bytes of the sidecar's program.
  static let maxSidecarBytes = 512 << 20
}
