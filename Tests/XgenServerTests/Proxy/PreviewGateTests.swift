import Reactor
import Testing

@testable import XgenServer

/// Who may see a preview.
@Suite struct PreviewGateTests {
  private static let now: Int64 = 1_700_000_000
  private static let host = PreviewHost(id: "abc", port: 3000)
  private let tokens: TokenIssuer
  private let signer: PreviewSigner

  init() throws {
    let entries = ["ann", "bob", "eve", "no-read"].map { name in
      let role = name == "eve" ? "viewer" : "user"
      let rights = name == "no-read" ? #","permissions":["sandbox:exec"]"# : ""
      let digest = SHA256.hexHash(Array("key-of-\(name)".utf8))
      return #"{"name":"\#(name)","key_sha256":"\#(digest)","role":"\#(role)"\#(rights)}"#
    }
    let file = Array("[\(entries.joined(separator: ","))]".utf8)
    let keys = try APIKeyStore(file: file, adminKey: "the-admin-key")
    tokens = try #require(TokenIssuer(secret: .init(repeating: 7, count: 32), keys: keys))
    signer = PreviewSigner(tokens)
  }

  // MARK: Asking

  private func record(
    _ access: PreviewAccess = .private, owner: String = "ann", epoch: Int = 0
  ) -> SandboxRecord {
    SandboxRecord(
      id: "abc", owner: owner, template: "base", env: [:], ports: [], gui: false, metadata: [:],
      resources: .init(), previews: .init(access: access, linkEpoch: epoch), createdAtMs: 0,
      expiresAtMs: 1, idempotency: nil)
  }

  private func judge(
    _ line: String = "GET /x", _ lines: [String] = [], record: SandboxRecord? = nil,
    host: PreviewHost = host, isHTTPS: Bool = false, now: Int64 = now, tokens: TokenIssuer? = nil
  ) throws -> PreviewGate.Verdict {
    let text = ([line + " HTTP/1.1", "Host: p.example"] + lines).joined(separator: "\r\n")
    var parser = HTTPRequestParser()
    let head = try #require(
      try Array((text + "\r\n\r\n").utf8).withUnsafeBytes { try parser.parse($0) }?.head)
    let gate = PreviewGate(tokens: tokens ?? self.tokens, signer: signer, now: now)
    let record = record ?? self.record()
    return try gate.judge(head, host, record.previews.access, record, isHTTPS: isHTTPS)
  }

  private func status(_ body: @autoclosure () throws -> PreviewGate.Verdict) throws -> Int {
    do {
      _ = try body()
      return 200
    } catch let error as APIError {
      return error.status
    }
  }

  private func token(_ name: String, role: Role = .user, at time: Int64 = now) -> String {
    tokens.issue(for: Principal(name: name, role: role), now: time).token
  }

  private func cookie(
    _ holder: PreviewGrant.Holder, host: PreviewHost = host, until end: Int64 = now + 60
  ) throws -> String {
    let value = signer.cookie(.init(holder: holder, expiresAt: end), for: host) { name in
      tokens.keys.entry(named: name)?.keyDigest
    }
    return "Cookie: xgen-preview=\(try #require(value))"
  }

  // MARK: Public ones

  @Test func everybodySeesAPublicOne() throws {
    #expect(try judge(record: record(.public)) == .pass(PreviewPass()))
  }

  @Test func whatIsOursStaysHereAlsoThere() throws {
    let open = record(.public)
    let shown = try judge(
      "GET /x?a=1", ["Authorization: ApiKey whatever", "Cookie: a=b; xgen-preview=c"], record: open)
    #expect(shown == .pass(PreviewPass(hidesAuthorization: true, hidesCookie: true)))
    for text in [token("ann"), token("ann", at: 0), "key-of-bob", "xgl1.1.1.x"] {
      #expect(
        try judge("GET /x?token=\(text)&a", record: open)
          == .redirect(query: .replaced("a"), setCookie: nil))
      #expect(
        try judge("POST /x?token=\(text)", record: open) == .pass(PreviewPass(query: .none)))
      let bearer = try judge("GET /x", ["Authorization: Bearer \(text)"], record: open)
      #expect(
        bearer == .pass(PreviewPass(hidesAuthorization: !text.hasPrefix("xgl1"))), "\(text)")
    }
  }

  /// Wherever a page or a client may have put it.
  @Test func whatTellsATokenOfOursStaysHere() throws {
    let open = record(.public)
    for text in [token("ann"), token("ann", at: 0), "key-of-bob", "xgl1.1.1.x"] {
      let referer = "Referer: https://x.example/a?b=c&token=\(text)#d"
      #expect(try judge("GET /", [referer], record: open) == .pass(.init(hidesReferer: true)))
    }
    for other in ["?token=theirs", "?a", "", "?tokens=\(token("ann"))"] {
      let referer = "Referer: https://x.example/\(other)"
      #expect(try judge("GET /", [referer], record: open) == .pass(PreviewPass()))
    }
    let upgrade = ["Connection: upgrade", "Upgrade: websocket"]
    let offer = "Sec-WebSocket-Protocol: xgen.v1, bearer."
    #expect(
      try judge("GET /", upgrade + [offer + token("ann")], record: open)
        == .pass(.init(hidesSubprotocols: true)))
    #expect(try judge("GET /", upgrade + [offer + "theirs"], record: open) == .pass(PreviewPass()))
  }

  @Test func anApiKeyIsOursHoweverItIsSpelled() throws {
    for text in ["ApiKey a, b", "apikey", "APIKEY  key-of-ann;", "ApiKey \"x\""] {
      let lines = ["Authorization: \(text)"]
      #expect(
        try judge("GET /", lines, record: record(.public))
          == .pass(PreviewPass(hidesAuthorization: true)), "\(text)")
      #expect(try status(judge("GET /", lines)) == 401)
    }
  }

  @Test(arguments: [
    "Basic dTpw", "Bearer theirs", "Bearer a.b.c", "Digest x=y", "Bearer", "", "Token x",
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ])
  func whatIsTheApplicationsGoesOn(authorization: String) throws {
    let pass = try judge(
      "GET /x?token=theirs", ["Authorization: \(authorization)", "Cookie: token=x"],
      record: record(.public))
    #expect(pass == .pass(PreviewPass()))
  }

  // MARK: Private ones

  @Test func nobodySeesAPrivateOneWithoutCredentials() throws {
    for lines in [
      [], ["Authorization: Basic dTpw"], ["Cookie: xgen-preview=1.99999999999.l0.AAAA"],
      ["Authorization: Bearer theirs"], ["Cookie: xgen-preview"],
    ] {
      #expect(try status(judge("GET /", lines)) == 401)
      #expect(try status(judge("GET /?token=theirs", lines)) == 401)
    }
  }

  @Test func aKeyOrItsTokenOpensIt() throws {
    for credential in ["ApiKey key-of-ann", "Bearer \(token("ann"))", "apikey the-admin-key"] {
      guard case .pass(let pass) = try judge("POST /", ["Authorization: \(credential)"]) else {
        Issue.record("not let in with \(credential)")
        continue
      }
      #expect(pass.hidesAuthorization)
      #expect(pass.setCookie?.hasPrefix("xgen-preview=1.") == true)
    }
  }

  @Test func othersKeysDoNot() throws {
    func status(_ credential: String) throws -> Int {
      try self.status(judge("GET /", ["Authorization: \(credential)"]))
    }
    #expect(try status("ApiKey key-of-bob") == 404)
    #expect(try status("Bearer \(token("eve", role: .viewer))") == 404)
    #expect(try status("ApiKey wrong") == 401)
    #expect(try status("Bearer \(token("ann", at: Self.now - 3600))") == 401)
    #expect(try status("Bearer key-of-ann") == 401, "a key is no token")
    let own = record(owner: "no-read")
    #expect(
      try self.status(judge("GET /", ["Authorization: ApiKey key-of-no-read"], record: own)) == 403)
  }

  @Test func aTokenInTheQueryIsTakenAwayAndBecomesACookie() throws {
    let verdict = try judge("GET /x?a=1&token=\(token("ann"))&b=2")
    guard case .redirect(.replaced("a=1&b=2"), let setCookie?) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    let value = try #require(setCookie.split(separator: ";").first)
    let next = try judge("GET /x?a=1&b=2", ["Cookie: \(value)"])
    #expect(next == .pass(PreviewPass(hidesCookie: true, holder: .key("ann"))))
    #expect(setCookie.hasSuffix("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"))
    #expect(!setCookie.contains(token("ann")), "the token itself is nowhere in it")
  }

  @Test func theCookieIsForTheHostAloneOverHTTPS() throws {
    let verdict = try judge("GET /?token=\(token("ann"))", isHTTPS: true)
    guard case .redirect(.none, let setCookie?) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(setCookie.hasPrefix("__Host-xgen-preview=1."))
    #expect(
      setCookie.hasSuffix(
        "; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=None; Partitioned"))
  }

  @Test func onlyWhatCanBeAskedAgainIsRedirected() throws {
    let query = "token=\(token("ann"))"
    let pass = PreviewPass(query: .none, holder: .key("ann"))
    #expect(try judge("POST /?\(query)") == .pass(pass))
    let upgrade = ["Connection: upgrade", "Upgrade: websocket"]
    #expect(try judge("GET /?\(query)", upgrade) == .pass(pass))
    guard case .redirect = try judge("HEAD /?\(query)") else {
      Issue.record("HEAD is not redirected")
      return
    }
  }

  @Test func theCookieIsGoodForItsOwnPreviewAndTimeOnly() throws {
    let good = try cookie(.key("ann"))
    #expect(try status(judge("GET /", [good])) == 200)
    #expect(try status(judge("GET /", [good], now: Self.now + 60)) == 401)
    for other in [PreviewHost(id: "abd", port: 3000), PreviewHost(id: "abc", port: 3001)] {
      #expect(try status(judge("GET /", [good], host: other)) == 401)
      #expect(try status(judge("GET /", [try cookie(.key("ann"), host: other)])) == 401)
    }
    #expect(try status(judge("GET /", [try cookie(.key("bob"))])) == 401, "not bob's sandbox")
    #expect(try status(judge("GET /", [try cookie(.key("no-read"))])) == 401)
    #expect(try status(judge("GET /", [try cookie(.key("admin"))])) == 200)
  }

  @Test func anAlteredCookieIsNone() throws {
    let good = try cookie(.key("ann"))
    let bytes = Array(good.utf8)
    for index in "Cookie: xgen-preview=".utf8.count..<bytes.count {
      var altered = bytes
      altered[index] = altered[index] == 0x41 ? 0x42 : 0x41
      let line = String(decoding: altered, as: UTF8.self)
      #expect(try status(judge("GET /", [line])) == 401, "\(line)")
    }
    #expect(try status(judge("GET /", ["Cookie: xgen-preview=x; \(good.dropFirst(8))"])) == 200)
  }

  @Test func theCookieEndsWithItsKey() throws {
    let good = try cookie(.key("ann"))
    let gone = try #require(
      TokenIssuer(
        secret: .init(repeating: 7, count: 32), keys: try APIKeyStore(adminKey: "the-admin-key")))
    #expect(try status(judge("GET /", [good], tokens: gone)) == 401)
    // Another key under the same name is another key.
    let digest = SHA256.hexHash(Array("new-key".utf8))
    let file = #"[{"name":"ann","key_sha256":"\#(digest)","role":"user"}]"#
    let renewed = try #require(
      TokenIssuer(
        secret: .init(repeating: 7, count: 32), keys: try APIKeyStore(file: Array(file.utf8))))
    #expect(try status(judge("GET /", [good], tokens: renewed)) == 401)
  }

  // MARK: Where a request with the cookie comes from

  @Test(arguments: [
    ("GET", nil, nil, true), ("POST", nil, nil, true), ("GET", "none", "navigate", true),
    ("POST", "same-origin", "cors", true), ("GET", "cross-site", "navigate", true),
    ("GET", "same-site", "navigate", true), ("POST", "cross-site", "navigate", false),
    ("GET", "cross-site", "no-cors", false), ("GET", "same-site", "cors", false),
    ("GET", "cross-site", nil, false), ("HEAD", "cross-site", "navigate", false),
    ("GET", "whatever", "cors", false), ("DELETE", "same-site", "navigate", false),
  ])
  func otherSitesPagesMayOnlyLeadThere(
    method: String, site: String?, mode: String?, isAllowed: Bool
  ) throws {
    var lines = [try cookie(.key("ann"))]
    if let site { lines.append("Sec-Fetch-Site: \(site)") }
    if let mode { lines.append("Sec-Fetch-Mode: \(mode)") }
    #expect(try status(judge("\(method) /", lines)) == (isAllowed ? 200 : 403))
    // With a header that no other page can send, it does not matter.
    #expect(
      try status(judge("\(method) /", lines + ["Authorization: ApiKey key-of-ann"])) == 200)
  }

  /// Over plain http browsers tell no site, but Origin.
  @Test func anotherPagesOriginIsHeeded() throws {
    let mine = try cookie(.key("ann"))
    #expect(try status(judge("POST /", [mine, "Origin: http://p.example"])) == 200)
    for origin in ["http://q.example", "null", "https://p.example.evil"] {
      #expect(try status(judge("POST /", [mine, "Origin: \(origin)"])) == 403)
    }
  }

  @Test func theOtherSchemesCookieIsNone() throws {
    #expect(try status(judge("GET /", [try cookie(.key("ann"))], isHTTPS: true)) == 401)
  }

  @Test(arguments: [
    (["Origin: http://p.example"], true), (["Origin: https://p.example"], true), ([], false),
    (["Origin: null"], false), (["Origin: http://q.example"], false),
    (["Origin: http://p.example", "Origin: http://p.example"], false),
    (["Origin: http://p.example", "Sec-Fetch-Site: cross-site"], true),
  ])
  func aWebSocketIsForTheOwnPagesOnly(lines: [String], isAllowed: Bool) throws {
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket", try cookie(.key("ann"))]
    #expect(try status(judge("GET /", upgrade + lines)) == (isAllowed ? 200 : 403))
  }

  // MARK: Links

  @Test func aLinkOpensItsPreviewUntilItEnds() throws {
    let link = signer.link(to: Self.host, epoch: 0, expiresAt: Self.now + 100)
    guard case .redirect(.none, let setCookie?) = try judge("GET /?token=\(link)") else {
      Issue.record("not let in")
      return
    }
    #expect(setCookie.contains("; Max-Age=100; "))
    let value = "Cookie: \(setCookie.prefix { $0 != ";" })"
    #expect(try status(judge("GET /", [value])) == 200)
    #expect(try status(judge("GET /", [value], now: Self.now + 100)) == 401)
    #expect(try status(judge("GET /?token=\(link)", now: Self.now + 100)) == 401)
    #expect(try status(judge("GET /", [value], record: record(epoch: 1))) == 401, "revoked")
    #expect(try status(judge("GET /?token=\(link)", record: record(epoch: 1))) == 401)
    for other in [PreviewHost(id: "abd", port: 3000), PreviewHost(id: "abc", port: 3001)] {
      #expect(try status(judge("GET /?token=\(link)", host: other)) == 401)
    }
    #expect(try status(judge("GET /", ["Authorization: Bearer \(link)"])) == 401)
  }

  @Test func anAlteredLinkIsNone() throws {
    let link = Array(signer.link(to: Self.host, epoch: 0, expiresAt: Self.now + 100).utf8)
    for index in link.indices {
      var altered = link
      altered[index] = altered[index] == 0x31 ? 0x32 : 0x31
      let text = String(decoding: altered, as: UTF8.self)
      #expect(try status(judge("GET /?token=\(text)")) == 401, "\(text)")
    }
  }
}

@Suite struct PreviewPageTests {
  @Test func holdsNothingThatIsNotEscaped() {
    let error = APIError.notFound("<script>&\"'").with(details: "<b>")
    let page = PreviewPage.html(error, refreshes: false)
    #expect(page.contains("&lt;script&gt;&amp;&quot;&#39;") && page.contains("&lt;b&gt;"))
    #expect(!page.contains("<script") && !page.contains("<b>") && !page.contains("refresh"))
    #expect(PreviewPage.html(error, refreshes: true).contains("http-equiv=\"refresh\""))
  }

  @Test func eachFailureIsA5xx() {
    for failure in PreviewFailure.allCases {
      #expect([502, 503].contains(failure.error(port: 3000).status))
    }
    #expect(PreviewFailure.nothingListens.error(port: 81).message.contains("http.server 81"))
  }
}
