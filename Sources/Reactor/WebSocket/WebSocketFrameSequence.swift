/// The rules that hold from frame to frame of one direction (RFC 6455 §5.1, §5.4) and the limits
/// on a message; shared by the decoder and the scanner, so that they refuse the same things.
struct WebSocketFrameSequence: Sendable {
  /// Empty frames that one message may have. With it a message has at most
  /// `maxMessageBytes` + 128 frames: each other frame brings at least one byte.
  static let maxEmptyFramesPerMessage = 128

  private let maxMessageBytes: Int
  private var messageBytes = 0
  private let role: WebSocketRole
  /// The kind of the message whose last frame has not been seen.
  private var openMessage: WebSocketOpcode?
  private var emptyFrameCount: UInt8 = 0

  init(role: WebSocketRole, maxMessageBytes: Int) {
    precondition(maxMessageBytes >= 0, "a limit below zero")
    self.role = role
    self.maxMessageBytes = maxMessageBytes
  }

  /// More frames of the current message must follow.
  @inline(__always)
  var isInsideMessage: Bool { openMessage != nil }

  /// No limit stands against messages of less than 126 bytes.
  @inline(__always)
  var allowsShortMessages: Bool { maxMessageBytes >= 125 }

  /// Takes the next frame's head. Returns what the frame carries: for a continuation, the kind
  /// of its message.
  @inline(__always)
  mutating func admit(
    _ header: WebSocketFrameHeader
  ) throws(WebSocketError) -> WebSocketOpcode {
    if header.isMasked != role.requiresMaskFromPeer {
      throw header.isMasked ? .maskedFrame : .unmaskedFrame
    }
    return header.opcode.isControl ? header.opcode : try admitData(header)
  }

  @inline(__always)
  private mutating func admitData(
    _ header: WebSocketFrameHeader
  ) throws(WebSocketError) -> WebSocketOpcode {
    let opcode = try messageOpcode(of: header)
    if header.payloadCount > maxMessageBytes - messageBytes { throw .messageTooBig }
    if header.isFinal {
      openMessage = nil
      messageBytes = 0
      emptyFrameCount = 0
    } else {
      openMessage = opcode
      messageBytes += header.payloadCount
      if header.payloadCount == 0 { try countEmptyFrame() }
    }
    return opcode
  }

  @inline(__always)
  private func messageOpcode(
    of header: WebSocketFrameHeader
  ) throws(WebSocketError) -> WebSocketOpcode {
    if header.opcode == .continuation {
      guard let openMessage else { throw .continuationWithoutStart }
      return openMessage
    }
    if openMessage != nil { throw .dataFrameInsideMessage }
    return header.opcode
  }

  private mutating func countEmptyFrame() throws(WebSocketError) {
    if emptyFrameCount == Self.maxEmptyFramesPerMessage { throw .tooManyEmptyFrames }
    emptyFrameCount += 1
  }
}
