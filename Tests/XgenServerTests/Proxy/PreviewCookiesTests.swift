import Testing

@testable import XgenServer

@Suite struct PreviewCookiesTests {
  private func bytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    Array(text.utf8).withUnsafeBytes(body)
  }

  private func own(_ field: String) -> [String]? {
    let plain = bytes(field) { PreviewCookies.own(in: $0, isHTTPS: false) }
    let secure = bytes(field) { PreviewCookies.own(in: $0, isHTTPS: true) }
    return plain.flatMap { plain in secure.map { plain + $0 } }
  }

  private func without(_ field: String) -> String {
    String(decoding: bytes(field) { PreviewCookies.withoutOwn($0) }, as: UTF8.self)
  }

  @Test(arguments: [
    ("xgen-preview=a", ["a"], ""), ("__Host-xgen-preview=a", ["a"], ""),
    ("b=1; xgen-preview=a; c=2", ["a"], "b=1; c=2"), ("b=1;xgen-preview=a;c=2", ["a"], "b=1; c=2"),
    ("xgen-preview=a; __host-XGEN-preview=b", ["a", "b"], ""),
    (" xgen-preview = a ;d", ["a"], "d"), ("=xgen-preview=a", ["a"], ""),
    ("= =xgen-preview=a", ["a"], ""), ("xgen-preview", [""], ""), ("xgen-preview=", [""], ""),
    ("xgen-preview=a=b", ["a=b"], ""), (";;xgen-preview=a;;", ["a"], ""),
  ])
  func findsAndTakesAwayOurs(field: String, values: [String], rest: String) {
    #expect(own(field) == values)
    #expect(without(field) == rest)
  }

  /// A neighbour can set the other one for all.
  @Test func believesOnlyTheHostsOwnNameOverHTTPS() {
    let both = "xgen-preview=a; __Host-xgen-preview=b"
    #expect(bytes(both) { PreviewCookies.own(in: $0, isHTTPS: true) } == ["b"])
    #expect(bytes(both) { PreviewCookies.own(in: $0, isHTTPS: false) } == ["a"])
    #expect(bytes("xgen-preview=a") { PreviewCookies.own(in: $0, isHTTPS: true) } == [])
  }

  @Test(arguments: [
    "", "a=b", "a=b; c=d", "xgen-preview2=a", "a=xgen-preview=b", "x xgen-preview=a",
    "a=\"xgen-preview=a\"", "xgen_preview=a", "xgen-previe=a", "__Host-=a", "\u{ff}=\u{ff}",
  ])
  func leavesOthersAlone(field: String) {
    #expect(own(field) == nil)
  }

  private func fate(_ field: String) -> PreviewCookies.Fate {
    bytes(field) { PreviewCookies.fate(ofSetCookie: $0) }
  }

  private func edited(_ text: String) -> PreviewCookies.Fate { .edited(Array(text.utf8)) }

  @Test(arguments: [
    "a=b", "a=b; Path=/; HttpOnly", "a=Domain=x", "domain=x", "a=b; domainx=y", "a=b; xdomain=y",
    "a=b; Secure; SameSite=None; Partitioned; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "", ";",
    "a=\u{ff}",
  ])
  func keepsACookieOfTheHostItself(field: String) {
    #expect(fate(field) == .kept)
  }

  @Test(arguments: [
    ("a=b; Domain=preview.localhost", "a=b"), ("a=b; domain=.x; Path=/", "a=b; Path=/"),
    ("a=b;DOMAIN = x;Path=/", "a=b;Path=/"), ("a=b; Domain", "a=b"), ("a=b; Domain=", "a=b"),
    ("a=b; Domain=x; Secure; Domain=y; Path=/", "a=b; Secure; Path=/"),
    ("domain=1; Domain=x", "domain=1"), ("a=b;\tDomain\t=x", "a=b"), ("a=b; =Domain=x", "a=b"),
  ])
  func takesTheDomainAway(field: String, rest: String) {
    #expect(fate(field) == edited(rest))
  }

  @Test(arguments: [
    "xgen-preview=a", "__Host-xgen-preview=a; Path=/; Secure", "XGEN-Preview=a",
    "=xgen-preview=a", "  __host-Xgen-preview  =a", "xgen-preview", "xgen-preview=a; Domain=x",
    "==xgen-preview=a",
  ])
  func dropsOneOfOurName(field: String) {
    #expect(fate(field) == .dropped)
  }
}

@Suite struct PreviewQueryTests {
  private func without(_ query: String) -> PreviewQuery.Rest {
    PreviewQuery.without(query) { $0 == "ours" }
  }

  @Test(arguments: [
    ("token=ours", PreviewQuery.Rest.none), ("token=ours&a=1", .replaced("a=1")),
    ("a=1&token=ours&b=%26", .replaced("a=1&b=%26")), ("a&&token=ours&", .replaced("a&&")),
    ("token=theirs", .same), ("token=theirs&token=ours", .replaced("token=theirs")),
    ("t%6Fken=ours", .none), ("token=%6Furs&x", .replaced("x")), ("", .same), ("&", .same),
    ("TOKEN=ours", .same), ("xtoken=ours", .same), ("token", .same), ("a=token=ours", .same),
    ("token=ours&%zz", .replaced("%zz")),
  ])
  func takesOurTokenAwayAndNothingElse(query: String, rest: PreviewQuery.Rest) {
    #expect(without(query) == rest)
  }

  @Test func tellsTheTokens() {
    #expect(PreviewQuery.tokens(in: "token=a&b=c&token=%64&token") == ["a", "d"])
  }
}

@Suite struct PreviewOriginTests {
  private func isOwn(_ origin: String, _ host: String, isHTTPS: Bool = false) -> Bool {
    Array(origin.utf8).withUnsafeBytes { origin in
      Array(host.utf8).withUnsafeBytes {
        PreviewOrigin.isOwn(origin, of: $0, isHTTPS: isHTTPS)
      }
    }
  }

  @Test func isTheHostThatWasAskedFor() {
    #expect(isOwn("http://a.example:8080", "a.example:8080"))
    #expect(isOwn("https://a.example", "A.example"))
    #expect(isOwn("https://a.example", "a.example", isHTTPS: true))
  }

  @Test(arguments: [
    "", "null", "http://", "http://b.example", "http://a.example:80", "http://a.example/",
    "http://a.example.evil", "http://xa.example", "ftp://a.example", "a.example",
    "http://user@a.example", "http://a.example, http://a.example",
  ])
  func isNothingElse(origin: String) {
    #expect(!isOwn(origin, "a.example"))
  }

  @Test func isNotPlainWhereThereIsTLS() {
    #expect(!isOwn("http://a.example", "a.example", isHTTPS: true))
  }

  @Test(arguments: [
    ("http://localhost:3000/a?b#c", "/a?b#c"), ("http://LOCALHOST:3000", ""),
    ("http://localhost:3000?x", "?x"), ("http://localhost:3001/", nil), ("/a", nil),
    ("http://localhost:30000/", nil), ("https://localhost:3000/", nil), ("", nil),
    ("http://localhost:3000.evil/", nil), ("//localhost:3000/", nil),
  ])
  func findsThePathOfALocationOnLocalhost(location: String, path: String?) {
    let found = Array(location.utf8).withUnsafeBytes {
      PreviewOrigin.path(ofLocation: $0, onPort: 3000).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(found == path)
  }
}
