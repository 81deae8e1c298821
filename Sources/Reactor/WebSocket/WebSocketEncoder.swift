/// Appends frames to an output buffer. A server gives no masking key, a client a fresh one for
/// each frame (`MaskingKeySource`).
public enum WebSocketEncoder {
  /// Appends a whole frame. Precondition: a control frame's payload has at most 125 bytes.
  public static func appendFrame(
    _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, isFinal: Bool = true,
    maskingKey: UInt32? = nil, to buffer: inout ByteBuffer
  ) {
    let header = WebSocketFrameHeader(
      opcode, isFinal: isFinal, payloadCount: payload.count, maskingKey: maskingKey)
    buffer.append(uninitialized: header.byteCount + payload.count) { room in
      let headEnd = header.write(to: room)
      let body = UnsafeMutableRawBufferPointer(rebasing: room[headEnd...])
      if let maskingKey {
        var mask = WebSocketMask(key: maskingKey)
        mask.copy(payload, to: body)
      } else {
        body.copyMemory(from: payload)
      }
      return headEnd + payload.count
    }
  }

  /// Appends a frame's head alone; `payloadCount` bytes must follow it, masked with the key if
  /// there is one.
  public static func appendHeader(
    _ opcode: WebSocketOpcode, payloadCount: Int, isFinal: Bool = true,
    maskingKey: UInt32? = nil, to buffer: inout ByteBuffer
  ) {
    WebSocketFrameHeader(
      opcode, isFinal: isFinal, payloadCount: payloadCount, maskingKey: maskingKey
    ).write(into: &buffer)
  }

  /// Appends a Ping. Precondition: at most 125 bytes.
  public static func appendPing(
    _ payload: UnsafeRawBufferPointer, maskingKey: UInt32? = nil, to buffer: inout ByteBuffer
  ) {
    appendFrame(.ping, payload, maskingKey: maskingKey, to: &buffer)
  }

  /// Appends a Pong: the Ping's payload (RFC 6455 §5.5.3). Precondition: at most 125 bytes.
  public static func appendPong(
    _ payload: UnsafeRawBufferPointer, maskingKey: UInt32? = nil, to buffer: inout ByteBuffer
  ) {
    appendFrame(.pong, payload, maskingKey: maskingKey, to: &buffer)
  }

  /// Appends a Close; without a code, an empty one. A reason is UTF-8 and cut to 123 bytes.
  /// Precondition: the code may stand in a frame.
  public static func appendClose(
    _ code: WebSocketCloseCode?, reason: UnsafeRawBufferPointer, maskingKey: UInt32? = nil,
    to buffer: inout ByteBuffer
  ) {
    guard let code else {
      return appendFrame(
        .close, UnsafeRawBufferPointer(start: nil, count: 0), maskingKey: maskingKey, to: &buffer)
    }
    withUnsafeTemporaryAllocation(
      byteCount: WebSocketFrameHeader.maxControlPayloadCount, alignment: 8
    ) { room in
      let count = WebSocketClosePayload.write(code, reason: reason, to: room)
      let payload = UnsafeRawBufferPointer(rebasing: room[..<count])
      appendFrame(.close, payload, maskingKey: maskingKey, to: &buffer)
    }
  }

  public static func appendClose(
    _ code: WebSocketCloseCode?, reason: String = "", maskingKey: UInt32? = nil,
    to buffer: inout ByteBuffer
  ) {
    var reason = reason
    reason.withUTF8 { bytes in
      appendClose(
        code, reason: UnsafeRawBufferPointer(bytes), maskingKey: maskingKey, to: &buffer)
    }
  }

  /// Appends the Close that answers a peer's error.
  public static func appendClose(
    _ error: WebSocketError, maskingKey: UInt32? = nil, to buffer: inout ByteBuffer
  ) {
    let reason = error.reason
    appendClose(
      error.closeCode,
      reason: UnsafeRawBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount),
      maskingKey: maskingKey, to: &buffer)
  }
}
