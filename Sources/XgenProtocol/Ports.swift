/// `PortOpen {port}`: something in the sandbox began to listen.
public struct PortOpen: WirePayload, Equatable, Sendable {
  public static let type = MessageType.portOpen

  /// Not 0.
  public var port: UInt16

  public init(port: UInt16) {
    self.port = port
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> PortOpen {
    PortOpen(port: try decodePort(payload))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writePort(port)
  }
}

/// `PortClose {port}`: nothing in the sandbox listens there any more.
public struct PortClose: WirePayload, Equatable, Sendable {
  public static let type = MessageType.portClose

  /// Not 0.
  public var port: UInt16

  public init(port: UInt16) {
    self.port = port
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> PortClose {
    PortClose(port: try decodePort(payload))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writePort(port)
  }
}

private func decodePort(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> UInt16 {
  let port: UInt16 = try FieldReader(payload, "port").integer("port")
  guard port != 0 else { throw .invalidField("port", .outOfRange) }
  return port
}

extension MessagePackWriter {
  fileprivate mutating func writePort(_ port: UInt16) {
    writeMapHeader(1)
    field("port", port)
  }
}
