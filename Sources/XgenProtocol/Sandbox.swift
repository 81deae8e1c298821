/// `SandboxError {code, message}`: the sandbox as a whole is in trouble.
public struct SandboxError: WirePayload, Equatable, Sendable {
  public static let type = MessageType.sandboxError

  public var code: String
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> SandboxError {
    let fields = try FieldReader(payload, "code", "message")
    return SandboxError(code: try fields.string("code"), message: try fields.string("message"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(2)
    writer.field("code", code)
    writer.field("message", message)
  }
}

/// `SandboxStats`: what the sandbox uses now.
public struct SandboxStats: WirePayload, Equatable, Sendable {
  public static let type = MessageType.sandboxStats

  /// 100 is one core.
  public var cpuPercent: Double
  public var memoryBytes: UInt64
  public var diskUsedBytes: UInt64

  public init(cpuPercent: Double, memoryBytes: UInt64, diskUsedBytes: UInt64) {
    self.cpuPercent = cpuPercent
    self.memoryBytes = memoryBytes
    self.diskUsedBytes = diskUsedBytes
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> SandboxStats {
    let fields = try FieldReader(payload, "cpu_percent", "memory_bytes", "disk_used_bytes")
    return SandboxStats(
      cpuPercent: try fields.double("cpu_percent"),
      memoryBytes: try fields.integer("memory_bytes"),
      diskUsedBytes: try fields.integer("disk_used_bytes"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(3)
    writer.field("cpu_percent", cpuPercent)
    writer.field("memory_bytes", memoryBytes)
    writer.field("disk_used_bytes", diskUsedBytes)
  }
}
