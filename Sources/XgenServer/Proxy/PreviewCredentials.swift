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

  init(
    _ head: HTTPRequestHead, _ tokens: TokenIssuer, _ signer: PreviewSigner, _ host: PreviewHost
  ) {
    var own: Credential?
    var cookies: [String]?
    head.headers.forEachRaw { name, value in
      if name.count == 13, name.spells("authorization") {
        own = own ?? Self.own(String(decoding: value, as: UTF8.self), tokens)
      } else if name.count == 6, name.spells("cookie"),
        let found = PreviewCookies.own(in: value)
      {
        cookies = (cookies ?? []) + found
      }
    }
    authorization = own
    self.cookies = cookies
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

  /// An ApiKey is always ours; a Bearer if we signed it, or if it is a key by mistake.
  private static func own(_ value: String, _ tokens: TokenIssuer) -> Credential? {
    guard let credential = Credential(authorization: value) else { return nil }
    switch credential {
    case .apiKey: return credential
    case .bearer(let text): return tokens.made(text) ? credential : nil
    }
  }

  private static func token(
    _ text: String, _ tokens: TokenIssuer, _ signer: PreviewSigner, _ host: PreviewHost
  ) -> Token? {
    if PreviewSigner.isLink(text) { return .link(signer.grant(ofLink: text, to: host)) }
    return tokens.made(text) ? .bearer(text) : nil
  }
}
