/// `ExecStdin`: u32 process id, big endian, then raw bytes.
public struct ExecStdin: WirePayload {
  public static let type = MessageType.execStdin

  /// 0, as clients send, means the channel's process.
  public var processID: UInt32
  /// Borrowed from the payload it was decoded from.
  public var data: UnsafeRawBufferPointer

  public init(processID: UInt32 = 0, data: UnsafeRawBufferPointer) {
    self.processID = processID
    self.data = data
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecStdin {
    ExecStdin(
      processID: try readProcessID(payload),
      data: UnsafeRawBufferPointer(rebasing: payload.dropFirst(4)))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeRawUInt32(processID)
    writer.writeRaw(data)
  }
}

/// Extension `ExecStdinClose`: u32 process id, big endian; the end of stdin.
public struct ExecStdinClose: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execStdinClose

  /// 0 means the channel's process.
  public var processID: UInt32

  public init(processID: UInt32 = 0) {
    self.processID = processID
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecStdinClose {
    let processID = try readProcessID(payload)
    guard payload.count == 4 else { throw .malformed(.trailingBytes) }
    return ExecStdinClose(processID: processID)
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeRawUInt32(processID)
  }
}

/// 0, as clients send, stands for the channel's process.
private func readProcessID(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> UInt32 {
  guard payload.count >= 4 else { throw .malformed(.truncated) }
  return UInt32(bigEndian: payload.loadUnaligned(as: UInt32.self))
}
