/// Which end of the connection receives the frames in question (RFC 6455 §5.1).
public enum WebSocketRole: Sendable, CaseIterable {
  /// The peer is a client: all its frames must be masked.
  case server
  /// The peer is a server: none of its frames may be masked.
  case client

  @inline(__always)
  var requiresMaskFromPeer: Bool { self == .server }
}
