/// Extension `ExecList {}`: which resumable processes there are. An empty payload does too.
public struct ExecList: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execList

  public init() {}

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecList {
    if !payload.isEmpty { _ = try FieldReader(payload) }
    return ExecList()
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(0)
  }
}

/// The reply to `ExecList`, of the same type.
public struct ExecListReply: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execList

  public var entries: [ExecListEntry]

  public init(entries: [ExecListEntry]) {
    self.entries = entries
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecListReply {
    ExecListReply(
      entries: try readArray(payload) { (reader) throws(ProtocolError) in
        try ExecListEntry.decode(payload, &reader)
      })
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeArrayHeader(entries.count)
    for entry in entries { entry.write(into: &writer) }
  }
}

/// One resumable process.
public struct ExecListEntry: Equatable, Sendable {
  public var execID: String
  public var processID: UInt32
  public var channel: UInt32
  public var command: String
  /// Unix seconds.
  public var startedAt: Int64
  public var running: Bool
  /// Nil while it runs.
  public var exitCode: Int32?

  public init(
    execID: String, processID: UInt32, channel: UInt32, command: String, startedAt: Int64,
    running: Bool, exitCode: Int32? = nil
  ) {
    self.execID = execID
    self.processID = processID
    self.channel = channel
    self.command = command
    self.startedAt = startedAt
    self.running = running
    self.exitCode = exitCode
  }

  fileprivate static func decode(
    _ payload: UnsafeRawBufferPointer, _ reader: inout MessagePackReader
  ) throws(ProtocolError) -> ExecListEntry {
    let fields = try FieldReader(
      payload, &reader,
      ["exec_id", "process_id", "channel", "command", "started_at", "running", "exit_code"])
    return ExecListEntry(
      execID: try fields.cString("exec_id"), processID: try fields.integer("process_id"),
      channel: try fields.integer("channel"), command: try fields.string("command"),
      startedAt: try fields.integer("started_at"), running: try fields.bool("running"),
      exitCode: try fields.optionalInteger("exit_code"))
  }

  fileprivate func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(exitCode == nil ? 6 : 7)
    writer.field("exec_id", execID)
    writer.field("process_id", processID)
    writer.field("channel", channel)
    writer.field("command", command)
    writer.field("started_at", startedAt)
    writer.field("running", running)
    if let exitCode { writer.field("exit_code", exitCode) }
  }
}
