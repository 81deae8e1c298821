/// What a sandbox may use: what was asked for, else the server's defaults.
struct SandboxLimits: Sendable, Equatable {
  /// Thousandths of a core.
  var cpuMilli: Int64
  /// Bytes.
  var memoryBytes: Int64
  /// Bytes.
  var diskBytes: Int64

  init(cpuMilli: Int64, memoryBytes: Int64, diskBytes: Int64) {
    self.cpuMilli = cpuMilli
    self.memoryBytes = memoryBytes
    self.diskBytes = diskBytes
  }

  init(_ asked: SandboxRecord.Resources, defaults: SandboxLimits) {
    cpuMilli = asked.cpuMilli ?? defaults.cpuMilli
    memoryBytes = asked.memoryBytes ?? defaults.memoryBytes
    diskBytes = asked.diskBytes ?? defaults.diskBytes
  }

  subscript(_ name: ResourceName) -> Int64 {
    get {
      switch name {
      case .cpu: cpuMilli
      case .memory: memoryBytes
      case .disk: diskBytes
      }
    }
    set {
      switch name {
      case .cpu: cpuMilli = newValue
      case .memory: memoryBytes = newValue
      case .disk: diskBytes = newValue
      }
    }
  }
}
