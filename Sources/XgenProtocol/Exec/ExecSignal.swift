/// `ExecSignal`: send a signal to the process.
public struct ExecSignal: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execSignal

  /// 0, or absent as clients send it, means the channel's process.
  public var processID: UInt32
  public var signal: SignalNumber

  public init(processID: UInt32 = 0, signal: SignalNumber) {
    self.processID = processID
    self.signal = signal
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecSignal {
    let fields = try FieldReader(payload, "process_id", "signal")
    return ExecSignal(
      processID: try fields.optionalInteger("process_id") ?? 0,
      signal: try fields.required("signal") { (value) throws(FieldFault) in
        try value.signal()
      })
  }

  /// Writes the name where there is one: every peer takes names.
  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(processID == 0 ? 1 : 2)
    if processID != 0 { writer.field("process_id", processID) }
    if let name = signal.name {
      writer.field("signal", name)
    } else {
      writer.field("signal", signal.rawValue)
    }
  }
}

extension MessagePackReader {
  fileprivate mutating func signal() throws(FieldFault) -> SignalNumber {
    if try kind() == .string {
      guard let signal = SignalNumber(name: try text()) else { throw .unrecognized }
      return signal
    }
    guard let signal = SignalNumber(rawValue: try integer()) else { throw .outOfRange }
    return signal
  }
}
