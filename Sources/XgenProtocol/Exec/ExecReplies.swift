/// The Ack to `ExecStart`.
public struct ExecAck: WirePayload, Equatable, Sendable {
  public static let type = MessageType.ack

  public var processID: UInt32
  /// The channel that the session got; another than the request's only if that was 0.
  public var channel: UInt32
  /// Only of a resumable process: what `ExecAttach` names it by. A secret.
  public var execID: String?

  public init(processID: UInt32, channel: UInt32, execID: String? = nil) {
    self.processID = processID
    self.channel = channel
    self.execID = execID
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> ExecAck {
    let fields = try FieldReader(payload, "process_id", "channel", "exec_id")
    return ExecAck(
      processID: try fields.integer("process_id"), channel: try fields.integer("channel"),
      execID: try fields.optionalCString("exec_id"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(execID == nil ? 2 : 3)
    writer.field("process_id", processID)
    writer.field("channel", channel)
    if let execID { writer.field("exec_id", execID) }
  }
}

/// `ExecExit`: the process ended and its output is complete.
public struct ExecExit: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execExit

  /// 128 + n for a process that signal n killed.
  public var exitCode: Int32

  public init(exitCode: Int32) {
    self.exitCode = exitCode
  }

  /// Reads either spelling; `exit_code` wins.
  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> ExecExit {
    let fields = try FieldReader(payload, "exit_code", "exitCode")
    let camelExitCode: Int32? = try fields.optionalInteger("exitCode")
    guard let exitCode = try fields.optionalInteger("exit_code") ?? camelExitCode else {
      throw .missingField("exit_code")
    }
    return ExecExit(exitCode: exitCode)
  }

  /// Writes both spellings: some clients read the one, some the other.
  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(2)
    writer.field("exit_code", exitCode)
    writer.field("exitCode", exitCode)
  }
}
