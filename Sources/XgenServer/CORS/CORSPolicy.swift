internal import Reactor

/// Which web pages may read this API's answers (Fetch Standard §3.2). Pure.
///
/// Pages prove who they are by an Authorization header and never by cookies, so
/// Access-Control-Allow-Credentials is never sent.
struct CORSPolicy: Sendable, Equatable {
  enum Origins: Sendable, Equatable {
    case none
    case any
    /// As browsers write them.
    case some([String])
  }

  let origins: Origins

  /// Allowed in requests besides what every request may have.
  private static let requestHeaders: StaticString =
    """
    Authorization, Content-Type, Idempotency-Key, X-Request-Id, Last-Event-ID, Range, \
    If-None-Match, If-Match
    """
  /// To be read by pages besides what every answer shows.
  private static let answerHeaders: StaticString =
    """
    X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Link, \
    ETag, Content-Range, Content-Disposition, Accept-Ranges, X-Xgen-Not-Enforced, \
    X-Xgen-Truncated
    """
  private static let maxAgeSeconds = 7200

  /// Headers of any answer to this request, errors included.
  func fields(for head: HTTPRequestHead) -> [HTTPField] {
    if origins == .none { return [] }
    // Also without an Origin, or for another one: a cache must not give one's answer to the other.
    let vary = HTTPField(fixed: "Vary", "Origin")
    guard let origin = allowedOrigin(head) else { return [vary] }
    return [origin, vary, HTTPField(fixed: "Access-Control-Expose-Headers", Self.answerHeaders)]
  }

  /// Headers that answer a preflight, beside `fields`; nil if it is none, or of a page that is not
  /// allowed. `methods` are the route's.
  func preflight(_ head: HTTPRequestHead, methods: String) -> [HTTPField]? {
    guard head.method == .options, head.headers["access-control-request-method"] != nil,
      allowedOrigin(head) != nil
    else { return nil }
    let allowed = HTTPField("Access-Control-Allow-Methods", methods)
    return [allowed].compactMap { $0 } + [
      HTTPField(fixed: "Access-Control-Allow-Headers", Self.requestHeaders),
      HTTPField(fixed: "Access-Control-Max-Age", Self.maxAgeSeconds),
    ]
  }

  private func allowedOrigin(_ head: HTTPRequestHead) -> HTTPField? {
    let values = head.headers.values("origin")
    guard values.count == 1, let origin = values.first else { return nil }
    switch origins {
    case .none: return nil
    case .any: return HTTPField(fixed: "Access-Control-Allow-Origin", "*")
    case .some(let known):
      return known.contains(origin) ? HTTPField("Access-Control-Allow-Origin", origin) : nil
    }
  }
}

// MARK: The setting

extension CORSPolicy.Origins {
  /// Reads `ORIGIN[,ORIGIN…]` or `*`.
  init(_ name: String, _ text: String) throws(SettingError) {
    if text == "*" {
      self = .any
      return
    }
    var origins: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard Self.isOrigin(part) else {
        throw SettingError(
          name: name,
          problem: "'\(part)' is not an origin such as https://app.example:8443, or * alone")
      }
      origins.append(String(part))
    }
    self = .some(origins)
  }

  /// Scheme, host and perhaps a port, as a browser writes it: in lower case, without a path, and
  /// without the scheme's own port. Anything else would never match.
  private static func isOrigin(_ text: Substring) -> Bool {
    guard let separator = text.firstRange(of: "://") else { return false }
    let scheme = text[..<separator.lowerBound]
    let authority = String(text[separator.upperBound...])
    guard scheme.utf8.first.map({ (0x61...0x7A).contains($0) }) == true,
      scheme.utf8.allSatisfy({
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E].contains($0)
      }), let host = HTTPHost(authority), authority == authority.lowercased(),
      !authority.hasSuffix(":")
    else { return false }
    return host.port == nil || host.port != ["http": 80, "https": 443][scheme]
  }
}
