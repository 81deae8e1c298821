/// The payload of a Close frame (RFC 6455 §5.5.1): nothing, or a code and a reason.
///
///     +-----------------+------------------------+
///     | code, 16 bits   | reason, UTF-8,         |
///     | (big-endian)    | 0 to 123 bytes         |
///     +-----------------+------------------------+
public struct WebSocketClosePayload {
  /// The longest reason that fits.
  public static let maxReasonCount = WebSocketFrameHeader.maxControlPayloadCount - 2

  /// nil if the frame has no payload.
  public let code: WebSocketCloseCode?
  /// A part of the payload that was parsed.
  public let reason: UnsafeRawBufferPointer

  /// Takes an unmasked payload.
  public init(parsing payload: UnsafeRawBufferPointer) throws(WebSocketError) {
    guard !payload.isEmpty else {
      code = nil
      reason = payload
      return
    }
    guard payload.count >= 2 else { throw .truncatedCloseCode }
    let code = WebSocketCloseCode(
      payload.loadUnaligned(fromByteOffset: 0, as: UInt16.self).bigEndian)
    guard code.isAllowedInFrame else { throw .invalidCloseCode }
    let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
    var validator = UTF8Validator()
    guard validator.firstInvalidOffset(in: reason) == nil, validator.isComplete else {
      throw .invalidUTF8
    }
    self.code = code
    self.reason = reason
  }

  /// Writes a payload to the start of `room` and returns its length. A reason that is too long
  /// is cut between two characters. Preconditions: the code may stand in a frame, `room` has
  /// 125 bytes.
  static func write(
    _ code: WebSocketCloseCode, reason: UnsafeRawBufferPointer,
    to room: UnsafeMutableRawBufferPointer
  ) -> Int {
    precondition(code.isAllowedInFrame, "close code \(code.rawValue) may not be sent")
    room.storeBytes(of: code.rawValue.bigEndian, as: UInt16.self)
    let count = reasonCount(reason)
    UnsafeMutableRawBufferPointer(rebasing: room[2...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: reason[..<count]))
    return 2 + count
  }

  private static func reasonCount(_ reason: UnsafeRawBufferPointer) -> Int {
    guard reason.count > maxReasonCount else { return reason.count }
    var count = maxReasonCount
    while count > 0, reason[count] & 0xC0 == 0x80 { count -= 1 }
    return count
  }
}
