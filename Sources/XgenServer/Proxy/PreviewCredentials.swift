internal import Reactor

/// What of ours a request to a preview shows: found by our signature, so that the application's
/// own Authorization and `?token=` are never taken for it. Pure.
struct PreviewCredentials {
  enum Token: Equatable {
    /// A token of an API key, or such a key itself, which is no token and is refused.
    case bearer(String)
    /// Nil if it is not one to this preview; it may be one to another, which is not told either.
    case link(PreviewGrant?)
  }

  /// Of an Authorization header that is ours; it may be expired or unknown.
  private(set) var authorization: Credential?
  /// The first of the query's that is ours.
  private(set) var token: Token?
  /// The query without such tokens.
  private(set) var rest = PreviewQuery.Rest.same
  /// Values of our cookies; nil without any.
  private(set) var cookies: [String]?
  /// A Referer tells a token of ours.
  private(set) var isInReferer = false
  /// A token of ours is among the subprotocols, as the API's own WebSocket takes it.
  private(set) var isInSubprotocols = false

  init(
    _ head: HTTPRequestHead, _ tokens: TokenIssuer, _ signer: PreviewSigner, _ host: PreviewHost,
    isHTTPS: Bool
  ) {
    var found: (own: Credential?, cookies: [String]?) = (nil, nil)
    var told = (referer: false, subprotocols: false)
    head.headers.forEachRaw { name, value in
      switch name.count {
      case 13 where name.spells("authorization"):
        found.own = found.own ?? Self.own(String(decoding: value, as: UTF8.self), tokens)
      case 6 where name.spells("cookie"):
        if let own = PreviewCookies.own(in: value, isHTTPS: isHTTPS) {
          found.cookies = (found.cookies ?? []) + own
        }
      case 7 where name.spells("referer"):
        told.referer = told.referer || Self.tells(value, tokens, signer, host)
      case 22 where name.spells("sec-websocket-protocol"):
        told.subprotocols =
          told.subprotocols || Self.subprotocols(value).contains { Self.isToken($0, tokens) }
      default: break
      }
    }
    (authorization, cookies) = found
    (isInReferer, isInSubprotocols) = told
    guard let query = head.query, Self.mayHoldToken(query) else { return }
    token =
      PreviewQuery.tokens(in: query).lazy.compactMap {
        Self.token($0, tokens, signer, host)
      }.first
    if token == nil { return }
    rest = PreviewQuery.without(query) { Self.token($0, tokens, signer, host) != nil }
  }

  private static func mayHoldToken(_ query: String) -> Bool {
    query.utf8.contains(UInt8(ascii: "%")) || query.contains("token=")
  }

  /// An ApiKey is always ours, whatever follows; a Bearer if we signed it, or if it is a key by
  /// mistake.
  private static func own(_ value: String, _ tokens: TokenIssuer) -> Credential? {
    guard let credential = Credential(authorization: value) else {
      return String(value.prefix { $0 != " " }).isSpelled("apikey") ? .apiKey("") : nil
    }
    switch credential {
    case .apiKey: return credential
    case .bearer(let text): return tokens.made(text) ? credential : nil
    }
  }

  private static func tells(
    _ referer: UnsafeRawBufferPointer, _ tokens: TokenIssuer, _ signer: PreviewSigner,
    _ host: PreviewHost
  ) -> Bool {
    guard let start = referer.firstIndex(of: UInt8(ascii: "?")) else { return false }
    let rest = referer[(start + 1)...].prefix { $0 != UInt8(ascii: "#") }
    let query = String(decoding: rest, as: UTF8.self)
    guard mayHoldToken(query) else { return false }
    return PreviewQuery.tokens(in: query).contains { token($0, tokens, signer, host) != nil }
  }

  /// What a Sec-WebSocket-Protocol offers.
  static func subprotocols(_ value: UnsafeRawBufferPointer) -> [Substring] {
    String(decoding: value, as: UTF8.self).split(separator: ",").map { $0.trimmingBlanks() }
  }

  /// Whether a subprotocol is `bearer.` and a token of ours.
  static func isToken(_ subprotocol: Substring, _ tokens: TokenIssuer) -> Bool {
    let prefix = Authorizer.bearerPrefix
    return subprotocol.hasPrefix(prefix) && tokens.made(String(subprotocol.dropFirst(prefix.count)))
  }

  private static func token(
    _ text: String, _ tokens: TokenIssuer, _ signer: PreviewSigner, _ host: PreviewHost
  ) -> Token? {
    if PreviewSigner.isLink(text) { return .link(signer.grant(ofLink: text, to: host)) }
    return tokens.made(text) ? .bearer(text) : nil
  }
}
