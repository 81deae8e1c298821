extension HTTPExchange {
  /// Checks the request against RFC 6455 §4.2.1 and §4.2.2; throws what is wrong, before anything
  /// is sent.
  public func checkWebSocketRequest(
    origins: WebSocketOriginPolicy = .any
  ) throws(WebSocketHandshakeError) {
    try WebSocketHandshake.validateRequest(
      method: head.method.name, isHTTP11: head.version == .http11, upgrade: joined("upgrade"),
      connection: joined("connection"), key: joined("sec-websocket-key"),
      version: joined("sec-websocket-version"))
    guard head.framing.isEmpty else { throw .hasBody }
    let isAllowed = origins.allows(
      head.headers.values("origin"), to: head.host, isEncrypted: isEncrypted)
    guard isAllowed else { throw .originRefused }
  }

  /// The subprotocols that the client offers.
  public func offeredSubprotocols() throws(WebSocketHandshakeError) -> [String] {
    try WebSocketHandshake.parseSubprotocols(joined("sec-websocket-protocol"))
  }

  /// Answers 101, with `extra` behind its own headers, and hands the stream over. The request must
  /// have passed `checkWebSocketRequest`. Nil if the client has gone.
  public func acceptWebSocket(
    subprotocol: String? = nil, _ extra: [HTTPField] = [], forRelay: Bool = false
  ) -> HTTPUpgrade? {
    let key = head.headers["sec-websocket-key"] ?? ""
    let accept = WebSocketKey.accept(for: key, sha1: SHA1.digest)
    var fields = WebSocketFields.upgrade
    if let field = WebSocketFields.accept.with(accept) { fields.append(field) }
    if let subprotocol, let field = WebSocketFields.subprotocol.with(subprotocol) {
      fields.append(field)
    }
    return upgrade(fields + extra, forRelay: forRelay)
  }

  /// Refuses with what the error demands, and `extra` behind it.
  public func refuse(
    _ error: WebSocketHandshakeError, body: [UInt8], contentType: HTTPField,
    _ extra: [HTTPField] = []
  ) {
    let demanded = error.fields.map { HTTPField(fixed: $0.name, $0.value) }
    respond(error.status, demanded + [contentType] + extra, body: body)
  }

  /// All lines of a header as one value (RFC 9110 §5.3).
  private func joined(_ name: String) -> String? {
    let values = head.headers.values(name)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }
}
