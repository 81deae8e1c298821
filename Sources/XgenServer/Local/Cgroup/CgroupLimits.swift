/// The limits of one sandbox's cgroups, in the files of either interface. Pure.
struct CgroupLimits: Sendable, Equatable {
  var cpuMilli: Int64
  var memoryBytes: Int64
  /// Processes and threads.
  var pids: Int

  /// What to write into a cgroup's folder, in this order.
  struct Entry: Sendable, Equatable {
    let file: String
    let value: String
    /// Kernels or machines may lack the file (swap accounting); the limit holds without.
    var isOptional = false
  }

  func entries(_ controllers: Set<CgroupController>, _ version: CgroupVersion) -> [Entry] {
    CgroupController.allCases.filter { controllers.contains($0) }.flatMap { controller in
      switch (controller, version) {
      case (.cpu, .v1): cpuV1
      case (.cpu, .v2): cpuV2
      case (.memory, .v1): memoryV1
      case (.memory, .v2): memoryV2
      case (.pids, _): [Entry(file: "pids.max", value: "\(pids)")]
      }
    }
  }

  /// Microseconds. The quota is what a sandbox may run in it, on all cores together.
  private static let periodUs: Int64 = 100_000

  private var quotaUs: Int64 { cpuMilli * Self.periodUs / 1000 }

  /// Beside the quota, a share where cores are short: 1024 a core, as Kubernetes does.
  private var shares: Int64 { max(2, cpuMilli * 1024 / 1000) }

  private var cpuV1: [Entry] {
    [
      Entry(file: "cpu.cfs_period_us", value: "\(Self.periodUs)"),
      Entry(file: "cpu.cfs_quota_us", value: "\(quotaUs)"),
      Entry(file: "cpu.shares", value: "\(shares)", isOptional: true),
    ]
  }

  private var cpuV2: [Entry] {
    [
      Entry(file: "cpu.max", value: "\(quotaUs) \(Self.periodUs)"),
      Entry(
        file: "cpu.weight", value: "\(1 + (shares - 2) * 9_999 / 262_142)", isOptional: true),
    ]
  }

  private var memoryV1: [Entry] {
    [
      Entry(file: "memory.limit_in_bytes", value: "\(memoryBytes)"),
      Entry(file: "memory.memsw.limit_in_bytes", value: "\(memoryBytes)", isOptional: true),
    ]
  }

  private var memoryV2: [Entry] {
    [
      Entry(file: "memory.max", value: "\(memoryBytes)"),
      Entry(file: "memory.swap.max", value: "0", isOptional: true),
    ]
  }
}
