/// What a frame's payload is (RFC 6455 §5.2).
public enum WebSocketOpcode: UInt8, Sendable, CaseIterable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  /// Control frames may stand between a message's fragments and are never fragmented (§5.5).
  @inline(__always)
  public var isControl: Bool { rawValue & 0x8 != 0 }
}
