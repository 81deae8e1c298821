/// A kind of limit that the kernel keeps for a cgroup.
enum CgroupController: String, Sendable, CaseIterable {
  case cpu, memory, pids

  /// What clients call it; nil for what they can't ask for.
  var resource: ResourceName? {
    switch self {
    case .cpu: .cpu
    case .memory: .memory
    case .pids: nil
    }
  }
}

/// The two interfaces of cgroups(7), which differ in every file's name.
enum CgroupVersion: String, Sendable {
  case v1, v2

  /// Where a process writes `0` to join.
  ///
  /// v1 moves single threads by `tasks`, and for one that moves itself the kernel then waits for
  /// nobody (`cgroup.procs`: an RCU grace period, 10 ms and more). A child before its exec has one.
  var joinFile: String {
    switch self {
    case .v1: "tasks"
    case .v2: "cgroup.procs"
    }
  }

  /// Holds the line `oom_kill N`.
  var oomFile: String {
    switch self {
    case .v1: "memory.oom_control"
    case .v2: "memory.events"
    }
  }
}
