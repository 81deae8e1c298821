/// What a peer did against RFC 6455 or against our limits. The connection ends with `closeCode`.
public enum WebSocketError: Error, Equatable, Sendable, CaseIterable {
  // The frame head (§5.2).
  case reservedBits
  case unknownOpcode
  case fragmentedControlFrame
  case controlFrameTooLong
  case nonMinimalLength
  case lengthOverflow
  case unmaskedFrame
  case maskedFrame
  // The order of frames (§5.4).
  case continuationWithoutStart
  case dataFrameInsideMessage
  // Our limits.
  case messageTooBig
  case tooManyEmptyFrames
  // The payload (§5.5.1, §8.1).
  case invalidUTF8
  case truncatedCloseCode
  case invalidCloseCode

  /// The code for our Close frame (§7.4.1).
  public var closeCode: WebSocketCloseCode {
    switch self {
    case .reservedBits, .unknownOpcode, .fragmentedControlFrame, .controlFrameTooLong,
      .nonMinimalLength, .lengthOverflow, .unmaskedFrame, .maskedFrame,
      .continuationWithoutStart, .dataFrameInsideMessage, .truncatedCloseCode, .invalidCloseCode:
      .protocolError
    case .invalidUTF8: .invalidPayload
    case .messageTooBig: .messageTooBig
    case .tooManyEmptyFrames: .policyViolation
    }
  }

  /// The reason for our Close frame: ASCII, far below the 123 bytes that fit.
  public var reason: StaticString {
    switch self {
    case .reservedBits: "reserved bit set"
    case .unknownOpcode: "unknown opcode"
    case .fragmentedControlFrame: "fragmented control frame"
    case .controlFrameTooLong: "control frame longer than 125 bytes"
    case .nonMinimalLength: "length not minimally encoded"
    case .lengthOverflow: "length above 2^63 - 1"
    case .unmaskedFrame: "frame not masked"
    case .maskedFrame: "frame masked"
    case .continuationWithoutStart: "continuation without a message"
    case .dataFrameInsideMessage: "new message inside a message"
    case .messageTooBig: "message too big"
    case .tooManyEmptyFrames: "too many empty frames"
    case .invalidUTF8: "invalid UTF-8"
    case .truncatedCloseCode: "truncated close code"
    case .invalidCloseCode: "invalid close code"
    }
  }
}
