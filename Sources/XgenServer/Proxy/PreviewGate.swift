internal import Reactor

/// Who may see a preview, and what of a request is ours and stays here. Pure.
///
/// A private preview is opened once with an API key, its token or a link; from then on a cookie of
/// ours does. What only the cookie vouches for must not come from another site's page: a browser
/// sends the cookie along with that, too.
struct PreviewGate {
  enum Verdict: Equatable {
    case pass(PreviewPass)
    /// To the same place without our token, with the cookie, if there is to be one.
    case redirect(query: PreviewQuery.Rest, setCookie: String?)
  }

  let tokens: TokenIssuer
  let signer: PreviewSigner
  /// Unix seconds.
  let now: Int64

  /// How long the cookie of a key's bearer lasts; that of a link lasts as long as the link.
  static let cookieSeconds: Int64 = 12 * 3600

  /// The record is not asked for where the preview is public: to copy it costs more than the rest.
  func judge(
    _ head: HTTPRequestHead, _ host: PreviewHost, _ access: PreviewAccess,
    _ record: @autoclosure () -> SandboxRecord, isHTTPS: Bool
  ) throws(APIError) -> Verdict {
    let shown = PreviewCredentials(head, tokens, signer, host, isHTTPS: isHTTPS)
    var pass = PreviewPass()
    pass.hidesAuthorization = shown.authorization != nil
    pass.hidesCookie = shown.cookies != nil
    pass.hidesReferer = shown.isInReferer
    pass.hidesSubprotocols = shown.isInSubprotocols
    pass.query = shown.rest
    if access == .public {
      return shown.token != nil && Self.canRedirect(head)
        ? .redirect(query: pass.query, setCookie: nil) : .pass(pass)
    }
    let record = record()
    let known = shown.cookies?.lazy.compactMap { validGrant($0, host, record) }.first
    if let credential = shown.authorization {
      let grant = try self.grant(credential, record)
      if known == nil { pass.setCookie = setCookie(grant, host, isHTTPS: isHTTPS) }
      pass.holder = grant.holder
      return .pass(pass)
    }
    if let token = shown.token {
      let grant = try self.grant(token, record)
      pass.holder = grant.holder
      guard Self.canRedirect(head) else { return .pass(pass) }
      return .redirect(
        query: pass.query, setCookie: setCookie(grant, host, isHTTPS: isHTTPS))
    }
    guard let known else { throw Self.noCredentials() }
    try Self.checkSource(head, isHTTPS: isHTTPS)
    pass.holder = known.holder
    return .pass(pass)
  }

  private static func canRedirect(_ head: HTTPRequestHead) -> Bool {
    (head.method == .get || head.method == .head) && !head.asksUpgrade
  }

  private static func noCredentials() -> APIError {
    .unauthorized(
      "this preview is private: open it with a link, with ?token=<token>, or with an "
        + "Authorization header", .missing)
  }

  // MARK: Credentials

  private func grant(
    _ credential: Credential, _ record: SandboxRecord
  ) throws(APIError) -> PreviewGrant {
    let caller: Principal
    do throws(AuthenticationError) {
      caller = try tokens.authenticate(credential, now: now)
    } catch {
      throw .unauthenticated(error)
    }
    guard caller.role == .admin || caller.name == record.owner else {
      throw .sandboxNotFound(record.id)
    }
    guard caller.permissions.contains(.sandboxRead) else {
      throw .forbidden("this needs the permission \(Permission.sandboxRead.rawValue)")
    }
    return PreviewGrant(holder: .key(caller.name), expiresAt: now + Self.cookieSeconds)
  }

  private func grant(
    _ token: PreviewCredentials.Token, _ record: SandboxRecord
  ) throws(APIError) -> PreviewGrant {
    switch token {
    case .bearer(let text): return try grant(Credential.bearer(text), record)
    case .link(let grant):
      guard let grant, isAlive(grant, record) else {
        throw .unauthorized("this link is not valid, has expired or was revoked", .expiredToken)
      }
      return grant
    }
  }

  private func validGrant(
    _ cookie: String, _ host: PreviewHost, _ record: SandboxRecord
  ) -> PreviewGrant? {
    let grant = signer.grant(ofCookie: cookie, for: host, now: now, keyDigest: keyDigest)
    return grant.flatMap { isAlive($0, record) ? $0 : nil }
  }

  private func isAlive(_ grant: PreviewGrant, _ record: SandboxRecord) -> Bool {
    now < grant.expiresAt && Self.stands(grant.holder, record, tokens.keys)
  }

  /// Whether what a grant stands on is still there.
  static func stands(
    _ holder: PreviewGrant.Holder, _ record: SandboxRecord, _ keys: APIKeyStore
  ) -> Bool {
    switch holder {
    case .link(let epoch): return epoch == record.previews.linkEpoch
    case .key(let name):
      guard let key = keys.principal(named: name) else { return false }
      return key.permissions.contains(.sandboxRead)
        && (key.role == .admin || key.name == record.owner)
    }
  }

  private func keyDigest(_ name: String) -> [UInt8]? { tokens.keys.entry(named: name)?.keyDigest }

  // MARK: The cookie

  private func setCookie(
    _ grant: PreviewGrant, _ host: PreviewHost, isHTTPS: Bool
  ) -> String? {
    guard let value = signer.cookie(grant, for: host, keyDigest: keyDigest) else { return nil }
    let age = grant.expiresAt - now
    // Partitioned: the preview in a frame of somebody's page has a cookie jar of its own there.
    return isHTTPS
      ? "\(PreviewCookies.secureName)=\(value); Path=/; Max-Age=\(age); Secure; HttpOnly; "
        + "SameSite=None; Partitioned"
      : "\(PreviewCookies.plainName)=\(value); Path=/; Max-Age=\(age); HttpOnly; SameSite=Lax"
  }

  /// Whether a browser that sends the cookie does so for the preview's own page, or for a person
  /// who went there (Fetch Metadata, W3C).
  private static func checkSource(_ head: HTTPRequestHead, isHTTPS: Bool) throws(APIError) {
    let origins = head.headers.values("origin")
    if head.asksUpgrade {
      guard origins.count == 1, isOwn(origins[0], head, isHTTPS) else {
        throw .forbidden("the preview's own pages alone may connect with its cookie")
      }
      return
    }
    switch head.headers["sec-fetch-site"] {
    case "none", "same-origin": return
    case nil:
      // A browser over plain http does not say it; but it names the page of what is no plain GET.
      if origins.allSatisfy({ isOwn($0, head, isHTTPS) }) { return }
      throw .forbidden("another site's page may not use the cookie of a private preview")
    default:
      if head.method == .get, head.headers["sec-fetch-mode"] == "navigate" { return }
      throw .forbidden("another site's page may not use the cookie of a private preview")
    }
  }

  private static func isOwn(
    _ origin: String, _ head: HTTPRequestHead, _ isHTTPS: Bool
  ) -> Bool {
    var origin = origin
    return origin.withUTF8 { origin in
      head.withAuthority { authority in
        guard let authority else { return false }
        return PreviewOrigin.isOwn(UnsafeRawBufferPointer(origin), of: authority, isHTTPS: isHTTPS)
      }
    }
  }
}
