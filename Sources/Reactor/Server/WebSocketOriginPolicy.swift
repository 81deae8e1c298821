/// Which web pages may open a WebSocket (RFC 6455 §4.2.2, §10.2). Browsers open them to any
/// server and send its cookies along; the page's origin in Origin is how a server tells whose
/// script it is.
public enum WebSocketOriginPolicy: Sendable, Equatable {
  /// Every page. Right where a connection's rights come from a token that the page has to know.
  case any
  /// Pages of these origins, and of the server's own.
  case only(Set<HTTPOrigin>)

  /// Whether a request with these Origin fields, addressed to `host`, may open a WebSocket. One
  /// without is no browser's, and says nothing that such a client could not make up.
  public func allows(_ values: [String], to host: HTTPHost?, isEncrypted: Bool) -> Bool {
    guard case .only(let allowed) = self, let value = values.first else { return true }
    guard values.count == 1, let origin = HTTPOrigin(value) else { return false }
    if allowed.contains(origin) { return true }
    return host.map { origin.isSame(as: $0, isEncrypted: isEncrypted) } ?? false
  }
}
