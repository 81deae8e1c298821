/// Extension `ExecAttach`: take over a resumable process, from the bytes that were seen last.
public struct ExecAttach: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execAttach

  public var execID: String
  /// The first byte wanted of each stream, counted from the process's start.
  public var stdoutOffset: UInt64
  public var stderrOffset: UInt64

  public init(execID: String, stdoutOffset: UInt64, stderrOffset: UInt64) {
    self.execID = execID
    self.stdoutOffset = stdoutOffset
    self.stderrOffset = stderrOffset
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecAttach {
    let fields = try FieldReader(payload, "exec_id", "stdout_offset", "stderr_offset")
    return ExecAttach(
      execID: try fields.cString("exec_id"),
      stdoutOffset: try fields.integer("stdout_offset"),
      stderrOffset: try fields.integer("stderr_offset"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(3)
    writer.field("exec_id", execID)
    writer.field("stdout_offset", stdoutOffset)
    writer.field("stderr_offset", stderrOffset)
  }
}

/// The Ack to `ExecAttach`: empty, unless the ring no longer holds all that was asked for.
public struct ExecAttachAck: WirePayload, Equatable, Sendable {
  public static let type = MessageType.ack

  /// Bytes between the offset asked for and the first byte that comes.
  public var stdoutLost: UInt64
  public var stderrLost: UInt64

  public init(stdoutLost: UInt64 = 0, stderrLost: UInt64 = 0) {
    self.stdoutLost = stdoutLost
    self.stderrLost = stderrLost
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecAttachAck {
    if payload.isEmpty { return ExecAttachAck() }
    let fields = try FieldReader(payload, "stdout_lost", "stderr_lost")
    return ExecAttachAck(
      stdoutLost: try fields.optionalInteger("stdout_lost") ?? 0,
      stderrLost: try fields.optionalInteger("stderr_lost") ?? 0)
  }

  public func write(into writer: inout MessagePackWriter) {
    guard stdoutLost > 0 || stderrLost > 0 else { return }
    writer.writeMapHeader(2)
    writer.field("stdout_lost", stdoutLost)
    writer.field("stderr_lost", stderrLost)
  }
}
