/// The nine bytes before every payload.
///
/// ```
///  0      1             5             9
/// ┌──────┬─────────────┬─────────────┬───────────┐
/// │ type │ channel, BE │ id, BE      │ payload … │
/// └──────┴─────────────┴─────────────┴───────────┘
/// ```
///
/// The type stays a byte here, so that a message of unknown type can be answered and relayed.
public struct EnvelopeHead: Equatable, Sendable {
  public static let byteCount = 9

  public var type: UInt8
  /// 0 is the control channel; any other is one session, chosen by the client.
  public var channel: UInt32
  /// A request's correlation id, repeated by its reply. 0 is none, and the id of every
  /// server-initiated message: clients look up any other id as a pending request.
  public var id: UInt32

  public init(type: UInt8, channel: UInt32, id: UInt32) {
    self.type = type
    self.channel = channel
    self.id = id
  }

  public init(_ type: MessageType, channel: UInt32 = 0, id: UInt32 = 0) {
    self.init(type: type.rawValue, channel: channel, id: id)
  }

  /// The type, or nil where this side does not know it.
  public var messageType: MessageType? {
    MessageType(rawValue: type)
  }

  /// Reads the head of a message; nil when it is shorter than a head.
  public static func parse(_ bytes: UnsafeRawBufferPointer) -> EnvelopeHead? {
    guard bytes.count >= byteCount else { return nil }
    return EnvelopeHead(
      type: bytes[0],
      channel: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)),
      id: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self)))
  }

  /// The bytes behind the head. The slice borrows from `message`.
  public static func payload(of message: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: message.dropFirst(byteCount))
  }

  /// Writes exactly nine bytes to the start of `buffer`, which must have room for them.
  public func write(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= Self.byteCount)
    buffer[0] = type
    buffer.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt32.self)
    buffer.storeBytes(of: id.bigEndian, toByteOffset: 5, as: UInt32.self)
  }

  public func append(to bytes: inout [UInt8]) {
    bytes.append(type)
    withUnsafeBytes(of: channel.bigEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: id.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// A whole message: this head and a payload.
  public func message(_ payload: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount + payload.count)
    append(to: &bytes)
    bytes.append(contentsOf: payload)
    return bytes
  }
}
