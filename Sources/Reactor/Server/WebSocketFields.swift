/// The fields of opening handshakes (RFC 6455 §11.3), checked once.
enum WebSocketFields {
  /// Of both sides.
  static let upgrade = [
    HTTPField(fixed: "Upgrade", "websocket"), HTTPField(fixed: "Connection", "Upgrade"),
  ]
  static let version = HTTPField(fixed: "Sec-WebSocket-Version", "13")
  // What follows has a value of its own each time.
  static let key = HTTPField(fixed: "Sec-WebSocket-Key", "-")
  static let accept = HTTPField(fixed: "Sec-WebSocket-Accept", "-")
  static let subprotocol = HTTPField(fixed: "Sec-WebSocket-Protocol", "-")
}
