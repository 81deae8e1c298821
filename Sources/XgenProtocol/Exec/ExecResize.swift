/// `ExecResize`: the terminal's new size.
public struct ExecResize: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execResize

  /// 0, or absent as clients send it, means the channel's process.
  public var processID: UInt32
  /// 1…65535.
  public var cols: UInt16
  public var rows: UInt16

  public init(processID: UInt32 = 0, cols: UInt16, rows: UInt16) {
    self.processID = processID
    self.cols = cols
    self.rows = rows
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecResize {
    let fields = try FieldReader(payload, "process_id", "cols", "rows")
    return ExecResize(
      processID: try fields.optionalInteger("process_id") ?? 0,
      cols: try fields.terminalCells("cols"),
      rows: try fields.terminalCells("rows"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(processID == 0 ? 2 : 3)
    if processID != 0 { writer.field("process_id", processID) }
    writer.field("cols", cols)
    writer.field("rows", rows)
  }
}

extension FieldReader {
  func terminalCells(_ name: String) throws(ProtocolError) -> UInt16 {
    guard let cells: Int64 = try optionalInteger(name) else { throw .missingField(name) }
    guard cells >= 1 else { throw .invalidField(name, .outOfRange) }
    return UInt16(clamping: cells)
  }

  /// A count of columns or rows, of which more than a `winsize` holds is its maximum. 0 is what
  /// clients without optional fields send for none.
  func optionalTerminalCells(_ name: String) throws(ProtocolError) -> UInt16? {
    guard let cells: Int64 = try optionalInteger(name), cells != 0 else { return nil }
    guard cells >= 1 else { throw .invalidField(name, .outOfRange) }
    return UInt16(clamping: cells)
  }
}
