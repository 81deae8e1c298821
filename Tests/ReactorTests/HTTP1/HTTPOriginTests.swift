import Testing

@testable import Reactor

@Suite struct HTTPOriginTests {
  @Test(
    arguments: [
      ("http://a", "http", "a", 80), ("https://a", "https", "a", 443),
      ("HTTPS://A.Example:8443", "https", "a.example", 8443),
      ("http://[::1]:3000", "http", "[::1]", 3000),
      ("http://127.0.0.1", "http", "127.0.0.1", 80), ("https://a:443", "https", "a", 443),
      ("chrome-extension://abcdef", "chrome-extension", "abcdef", nil),
      ("x+y.z-1://h:1", "x+y.z-1", "h", 1),
    ] as [(String, String, String, UInt16?)])
  func takesSerialisedOrigins(
    _ text: String, _ scheme: String, _ host: String, _ port: UInt16?
  ) throws {
    let origin = try #require(HTTPOrigin(text))
    #expect(origin.scheme == scheme && origin.host == host && origin.port == port)
  }

  @Test(arguments: [
    "", "null", "NULL", "a", "a.example", "//a", "://a", "http:", "http:/a", "http://", "http:a",
    "http://a/", "http://a/b", "http://a?b", "http://a#b", "http://u@a", "http://u:p@a",
    "http://a:", "http://a:b", "http://a:65536", "http://a:-1", "http://a b", "http://a http://b",
    "http://a,http://b", "http://a, http://b", " http://a", "http://a ", "1http://a", "-x://a",
    "ht_tp://a", "http://[::1", "http://::1", "http://a%41", "http://\u{e9}", "\u{e9}://a",
    "file://", "data:,x", "*", "http://*",
  ])
  func refusesEverythingElse(_ text: String) {
    #expect(HTTPOrigin(text) == nil)
  }

  @Test func aWrittenDefaultPortIsNone() {
    #expect(HTTPOrigin("http://a") == HTTPOrigin("HTTP://A:80"))
    #expect(HTTPOrigin("http://a") != HTTPOrigin("https://a"))
    #expect(HTTPOrigin("http://a") != HTTPOrigin("http://a:8080"))
    #expect(HTTPOrigin("http://a") != HTTPOrigin("http://a."))
  }

  @Test(arguments: [
    ("http://a", "a", false, true), ("http://a", "A:80", false, true),
    ("https://a", "a", true, true), ("https://a:443", "a", true, true),
    ("https://a:8443", "a:8443", true, true), ("http://[::1]:3000", "[::1]:3000", false, true),
    // TLS may end before us; a page without it is another origin than ours with it.
    ("https://a", "a", false, true), ("http://a", "a", true, false),
    ("http://a", "b", false, false), ("http://a", "a:81", false, false),
    ("http://a:81", "a", false, false), ("https://a", "a:80", false, false),
    ("http://a.b", "b", false, false), ("http://b", "a.b", false, false),
    ("ftp://a:80", "a:80", false, false), ("chrome-extension://a", "a", false, false),
  ])
  func knowsTheServersOwn(
    _ origin: String, _ host: String, _ isEncrypted: Bool, _ expected: Bool
  ) throws {
    let origin = try #require(HTTPOrigin(origin))
    #expect(origin.isSame(as: try #require(HTTPHost(host)), isEncrypted: isEncrypted) == expected)
  }
}
