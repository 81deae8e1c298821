/// The head of a frame (RFC 6455 §5.2):
///
///      0               1               2 …             … +4 if MASK
///     +-+-+-+-+-------+-+-------------+-----------------+-----------+
///     |F|R|R|R| opcode|M| length      | none, or 16 or  | masking   |
///     |I|S|S|S|  (4)  |A|   (7)       | 64 bits if      | key       |
///     |N|V|V|V|       |S|             | length is 126,  |           |
///     | |1|2|3|       |K|             | or 127          |           |
///     +-+-+-+-+-------+-+-------------+-----------------+-----------+
public struct WebSocketFrameHeader: Equatable, Sendable {
  /// The longest head: 2 + 64-bit length + masking key.
  public static let maxByteCount = 2 + 8 + 4
  /// The longest payload of a control frame (§5.5).
  public static let maxControlPayloadCount = 125

  /// FIN: the message's last frame.
  public var isFinal: Bool
  public var opcode: WebSocketOpcode
  public var isMasked: Bool
  /// The four bytes as they lie in memory; 0 if not masked.
  public var maskingKey: UInt32
  public var payloadCount: Int

  /// A head to be written; masked if a key is given.
  public init(
    _ opcode: WebSocketOpcode, isFinal: Bool = true, payloadCount: Int, maskingKey: UInt32? = nil
  ) {
    self.isFinal = isFinal
    self.opcode = opcode
    self.isMasked = maskingKey != nil
    self.maskingKey = maskingKey ?? 0
    self.payloadCount = payloadCount
  }

  /// Bytes of the head as it is written: 2 to 14.
  public var byteCount: Int {
    let length = payloadCount < 126 ? 0 : payloadCount <= 0xFFFF ? 2 : 8
    return 2 + length + (isMasked ? 4 : 0)
  }
}

// MARK: - Reading

extension WebSocketFrameHeader {
  /// Reads the head at the start of `bytes`; nil if it is not all there.
  ///
  /// Refuses a wrong head as soon as the bytes that show it are there, whatever is missing.
  @inline(__always)
  public static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(WebSocketError) -> (header: WebSocketFrameHeader, byteCount: Int)? {
    guard bytes.count >= 2 else {
      if let first = bytes.first { _ = try opcode(of: first) }
      return nil
    }
    let opcode = try opcode(of: bytes[0])
    let isMasked = bytes[1] & 0x80 != 0
    let shortLength = Int(bytes[1] & 0x7F)
    if opcode.isControl, shortLength > maxControlPayloadCount { throw .controlFrameTooLong }
    let lengthEnd = shortLength < 126 ? 2 : shortLength == 126 ? 4 : 10
    let end = lengthEnd + (isMasked ? 4 : 0)
    let payloadCount =
      shortLength < 126 ? shortLength : try longLength(bytes, is64Bit: shortLength == 127)
    guard bytes.count >= end else { return nil }
    let key = isMasked ? bytes.loadUnaligned(fromByteOffset: lengthEnd, as: UInt32.self) : nil
    return (
      WebSocketFrameHeader(
        opcode, isFinal: bytes[0] & 0x80 != 0, payloadCount: payloadCount, maskingKey: key), end
    )
  }

  @inline(__always)
  private static func opcode(of first: UInt8) throws(WebSocketError) -> WebSocketOpcode {
    if first & 0x70 != 0 { throw .reservedBits }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .unknownOpcode }
    if opcode.isControl, first & 0x80 == 0 { throw .fragmentedControlFrame }
    return opcode
  }

  /// The 16- or 64-bit length; 0 if it is not all there but right so far.
  private static func longLength(
    _ bytes: UnsafeRawBufferPointer, is64Bit: Bool
  ) throws(WebSocketError) -> Int {
    guard is64Bit else {
      guard bytes.count >= 4 else { return 0 }
      let length = bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self).bigEndian
      if length < 126 { throw .nonMinimalLength }
      return Int(length)
    }
    guard bytes.count >= 10 else {
      try refuseWrongStart(ofLength: UnsafeRawBufferPointer(rebasing: bytes[2...]))
      return 0
    }
    let length = bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self).bigEndian
    if length > UInt64(Int.max) { throw .lengthOverflow }
    if length <= 0xFFFF { throw .nonMinimalLength }
    return Int(length)
  }

  /// Fewer than 8 bytes of a 64-bit length: its top bit shows in the first, six zeros show that
  /// 16 bits would have done.
  private static func refuseWrongStart(
    ofLength bytes: UnsafeRawBufferPointer
  ) throws(WebSocketError) {
    if let first = bytes.first, first & 0x80 != 0 { throw .lengthOverflow }
    if bytes.count >= 6, bytes.prefix(6).allSatisfy({ $0 == 0 }) { throw .nonMinimalLength }
  }
}

// MARK: - Writing

extension WebSocketFrameHeader {
  /// Appends the head. Precondition: the payload count is one that a frame of its kind can have.
  public func write(into buffer: inout ByteBuffer) {
    buffer.append(uninitialized: Self.maxByteCount) { room in write(to: room) }
  }

  /// Writes the head to the start of `room`, which has `byteCount` bytes; returns that count.
  func write(to room: UnsafeMutableRawBufferPointer) -> Int {
    precondition(
      payloadCount >= 0 && (!opcode.isControl || payloadCount <= Self.maxControlPayloadCount),
      "no such frame")
    room[0] = (isFinal ? 0x80 : 0) | opcode.rawValue
    let lengthEnd = writeLength(to: room, maskBit: isMasked ? 0x80 : 0)
    guard isMasked else { return lengthEnd }
    room.storeBytes(of: maskingKey, toByteOffset: lengthEnd, as: UInt32.self)
    return lengthEnd + 4
  }

  private func writeLength(to room: UnsafeMutableRawBufferPointer, maskBit: UInt8) -> Int {
    if payloadCount < 126 {
      room[1] = maskBit | UInt8(payloadCount)
      return 2
    }
    if payloadCount <= 0xFFFF {
      room[1] = maskBit | 126
      room.storeBytes(of: UInt16(payloadCount).bigEndian, toByteOffset: 2, as: UInt16.self)
      return 4
    }
    room[1] = maskBit | 127
    room.storeBytes(of: UInt64(payloadCount).bigEndian, toByteOffset: 2, as: UInt64.self)
    return 10
  }
}
