/// A payload of the protocol, in both directions: our server, bench and tests are clients too.
///
/// A new message type is one file with a type that conforms to this, plus its code in
/// `MessageType`.
public protocol WirePayload {
  static var type: MessageType { get }

  /// Reads a whole payload. What the value borrows from `payload`, its declaration says.
  static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> Self

  /// Writes the payload, MessagePack or raw.
  func write(into writer: inout MessagePackWriter)
}

extension WirePayload {
  /// The payload alone.
  public func encode() -> [UInt8] {
    var writer = MessagePackWriter()
    write(into: &writer)
    return writer.bytes
  }

  /// The payload behind its envelope's head: one WebSocket message.
  public func message(channel: UInt32, id: UInt32) -> [UInt8] {
    var head: [UInt8] = []
    EnvelopeHead(Self.type, channel: channel, id: id).append(to: &head)
    var writer = MessagePackWriter(appendingTo: head)
    write(into: &writer)
    return writer.bytes
  }
}

/// Reads an array that is a whole payload, one element per call of `element`.
func readArray<Element>(
  _ payload: UnsafeRawBufferPointer,
  _ element: (inout MessagePackReader) throws(ProtocolError) -> Element
) throws(ProtocolError) -> [Element] {
  var reader = MessagePackReader(payload)
  var elements: [Element] = []
  let count: Int
  do throws(MessagePackError) { count = try reader.readArrayHeader() } catch {
    throw .malformed(error)
  }
  for _ in 0..<count {
    elements.append(try element(&reader))
  }
  do throws(MessagePackError) { try reader.finish() } catch { throw .malformed(error) }
  return elements
}
