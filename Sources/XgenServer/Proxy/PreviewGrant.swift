/// Leave to see one private preview, as its bearer holds it: in a cookie of ours, or in a link.
/// Both are signed, end by themselves and lead to one port of one sandbox only. Pure.
///
/// ```
/// cookie  1.{expiry}.k{base64url of the key's name}.{MAC}    from an API key or its token
///         1.{expiry}.l{epoch}.{MAC}                          from a link
/// link    xgl1.{expiry}.{epoch}.{MAC}                        as ?token=
/// ```
struct PreviewGrant: Equatable, Sendable {
  enum Holder: Equatable, Sendable {
    /// Whoever showed this API key, or a token of it; the key must still be there.
    case key(String)
    /// Whoever had a link, made when the sandbox's counter stood so: revocation moves it on.
    case link(epoch: Int)
  }

  let holder: Holder
  /// Unix seconds; the first at which it is over.
  let expiresAt: Int64
}

/// Signs grants and reads them back.
struct PreviewSigner: Sendable {
  private static let linkPrefix = "xgl1."
  private static let cookiePrefix = "1."
  /// Far above what we make.
  private static let maxBytes = 1024
  private let cookieKey: [UInt8]
  private let linkKey: [UInt8]

  init(_ tokens: TokenIssuer) {
    cookieKey = tokens.derivedSecret(for: "cookies of previews")
    linkKey = tokens.derivedSecret(for: "links to previews")
  }

  // MARK: Cookies

  /// `keyDigest` gives an API key's digest by its name: another key of the same name is another.
  func cookie(
    _ grant: PreviewGrant, for host: PreviewHost, keyDigest: (String) -> [UInt8]?
  ) -> String? {
    let holder: String
    switch grant.holder {
    case .key(let name): holder = "k" + Base64URL.encode(Array(name.utf8))
    case .link(let epoch): holder = "l\(epoch)"
    }
    guard let code = cookieCode(grant, holder, host, keyDigest) else { return nil }
    return "\(Self.cookiePrefix)\(grant.expiresAt).\(holder).\(Base64URL.encode(code))"
  }

  /// The grant of a cookie's value, unless it was not signed by us for this preview, or is over.
  func grant(
    ofCookie value: String, for host: PreviewHost, now: Int64, keyDigest: (String) -> [UInt8]?
  ) -> PreviewGrant? {
    guard value.utf8.count <= Self.maxBytes, value.hasPrefix(Self.cookiePrefix) else { return nil }
    let parts = value.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, let expiresAt = Self.number(parts[1]), now < expiresAt,
      let holder = Self.holder(parts[2]), let code = Base64URL.decode(String(parts[3]))
    else { return nil }
    let grant = PreviewGrant(holder: holder, expiresAt: expiresAt)
    guard let expected = cookieCode(grant, String(parts[2]), host, keyDigest),
      constantTimeEquals(code, expected)
    else { return nil }
    return grant
  }

  private static func holder(_ text: Substring) -> PreviewGrant.Holder? {
    let rest = text.dropFirst()
    if text.first == "l" { return number(rest).map { .link(epoch: Int($0)) } }
    guard text.first == "k", let name = Base64URL.decode(String(rest)),
      let name = String(validating: name, as: UTF8.self)
    else { return nil }
    return .key(name)
  }

  private func cookieCode(
    _ grant: PreviewGrant, _ holder: String, _ host: PreviewHost,
    _ keyDigest: (String) -> [UInt8]?
  ) -> [UInt8]? {
    var message = Array("\(host.id) \(host.port) \(grant.expiresAt) \(holder) ".utf8)
    if case .key(let name) = grant.holder {
      guard let digest = keyDigest(name) else { return nil }
      message += digest
    }
    return HMACSHA256.code(for: message, key: cookieKey)
  }

  // MARK: Links

  func link(to host: PreviewHost, epoch: Int, expiresAt: Int64) -> String {
    let code = linkCode(host, epoch, expiresAt)
    return "\(Self.linkPrefix)\(expiresAt).\(epoch).\(Base64URL.encode(code))"
  }

  /// Whether the text looks like a link's token, be it ours or not.
  static func isLink(_ text: some StringProtocol) -> Bool { text.hasPrefix(linkPrefix) }

  /// The grant of a link that we signed for this preview, over or not.
  func grant(ofLink text: String, to host: PreviewHost) -> PreviewGrant? {
    guard text.utf8.count <= Self.maxBytes, Self.isLink(text) else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, let expiresAt = Self.number(parts[1]),
      let epoch = Self.number(parts[2]), let code = Base64URL.decode(String(parts[3])),
      constantTimeEquals(code, linkCode(host, Int(epoch), expiresAt))
    else { return nil }
    return PreviewGrant(holder: .link(epoch: Int(epoch)), expiresAt: expiresAt)
  }

  private func linkCode(_ host: PreviewHost, _ epoch: Int, _ expiresAt: Int64) -> [UInt8] {
    let message = "\(host.id) \(host.port) \(expiresAt) \(epoch)"
    return HMACSHA256.code(for: Array(message.utf8), key: linkKey)
  }

  /// Decimal, as we write it.
  private static func number(_ digits: Substring) -> Int64? {
    guard 1...18 ~= digits.utf8.count, digits.utf8.allSatisfy({ 48...57 ~= $0 }) else { return nil }
    return Int64(digits)
  }
}
