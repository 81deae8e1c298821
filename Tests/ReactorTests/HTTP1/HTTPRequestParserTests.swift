import Testing

@testable import Reactor

@Suite struct HTTPRequestParserTests {
  static let accepted: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/b?x=1&y=%20#".dropLast() + " HTTP/1.1\r\nHost: a.b-c:8080\r\n\r\n",
    "GET /?a[]=1|2^`{}&re=\\d HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET http://example.com:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET HTTPS://example.com HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET http://example.com?q HTTP/1.1\r\nHost: other\r\n\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING:  chunked \t \r\n\r\n",
    "GET / HTTP/1.1\r\nHost:a\r\nEmpty:\r\nBlank: \t \r\nTab: a\tb\r\nUtf: \u{e9}\u{20ac}\r\n\r\n",
    "GET / HTTP/1.1\r\nX: \(String(repeating: "0123456789\t", count: 9))\r\nHost: a\r\n\r\n",
  ]

  @Test(arguments: accepted) func acceptsValidHeadsHoweverTheyArrive(_ text: String) {
    let bytes = Array(text.utf8)
    let (outcome, mismatch) = HTTPHarness.everyWay(bytes) {
      HTTPHarness.request(bytes, ends: $0)
    }
    #expect(mismatch == nil)
    #expect(outcome.error == nil)
    #expect(outcome.consumed == bytes.count)
    #expect(outcome.decidedAt == bytes.count)
  }

  @Test(arguments: accepted) func needsMoreAtEveryTruncation(_ text: String) {
    let bytes = Array(text.utf8)
    for end in 0..<bytes.count {
      let outcome = HTTPHarness.request(Array(bytes[..<end]), ends: [end])
      #expect(outcome.error == nil && outcome.consumed == nil)
    }
  }

  @Test func leavesTheBytesBehindTheHeadAlone() throws {
    let text = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nX"
    var parser = HTTPRequestParser()
    var rest = Array(text.utf8)
    for path in ["/1", "/2"] {
      let parsed = try #require(try rest.withUnsafeBytes { try parser.parse($0) })
      #expect(parsed.head.path == path)
      rest.removeFirst(parsed.consumed)
      #expect(!parser.isMidHead)
    }
    #expect(rest == [UInt8(ascii: "X")])
  }

  @Test func repeatsItsErrorForever() {
    var parser = HTTPRequestParser()
    for text in [" ", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
      #expect(throws: HTTPParseError.invalidMethod) {
        try Array(text.utf8).withUnsafeBytes { _ = try parser.parse($0) }
      }
    }
  }

  @Test func givesTheMessagesPartsAsTheyCame() throws {
    let head = try #require(
      try HTTPHarness.parsed(
        "POST /a%20b/c?x=%31 HTTP/1.1\r\nHost: Example.com:8080\r\nVia: 1\r\nvia:  2 \r\n\r\n"))
    #expect(head.method == .post)
    #expect(head.version == .http11)
    #expect(head.target == "/a%20b/c?x=%31")
    #expect(head.path == "/a%20b/c")
    #expect(head.query == "x=%31")
    #expect(head.host?.name == "example.com")
    #expect(head.host?.port == 8080)
    #expect(head.headers["VIA"] == "1")
    #expect(head.headers.values("via") == ["1", "2"])
    #expect(head.headers.count(of: "Via") == 2)
    #expect(head.headers["vi"] == nil)
    #expect(head.headers.map(\.name) == ["Host", "Via", "via"])
    #expect(head.headers.map(\.value) == ["Example.com:8080", "1", "2"])
  }

  @Test(arguments: [
    ("https://a/", true), ("HTTPS://a", true), ("http://a/", false), ("/https://a", false),
    ("http://https://", false),
  ])
  func knowsATargetOfHTTPS(_ target: String, _ expected: Bool) throws {
    let head = try? HTTPHarness.parsed("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect((head?.targetIsHTTPS ?? false) == expected)
  }

  @Test func anEmptyLineIsNoBeginning() throws {
    var parser = HTTPRequestParser()
    for (text, isMidHead) in [("\r", true), ("\r\n", false), ("\r\nG", true)] {
      let parsed = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
      #expect(parsed == nil && parser.isMidHead == isMidHead)
    }
  }

  @Test func letsTheTargetsAuthorityReplaceHost() throws {
    let head = try #require(
      try HTTPHarness.parsed("GET http://b:1?q HTTP/1.1\r\nHost: a\r\n\r\n"))
    #expect(head.targetForm == .absolute)
    #expect(head.authority == "b:1")
    #expect(head.path == "/")
    #expect(head.query == "q")
  }

  @Test func findsTokensInListsOnly() throws {
    let head = try #require(
      try HTTPHarness.parsed(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, ,Close-not\r\nConnection:\tFoo ,CLOSE\r\n\r\n")
    )
    #expect(head.headers.containsToken("close", in: "connection"))
    #expect(head.headers.containsToken("foo", in: "Connection"))
    #expect(!head.headers.containsToken("not", in: "connection"))
    #expect(!head.headers.containsToken("x,", in: "connection"))
    #expect(!head.keepAlive)
  }

  @Test(arguments: [
    ("HTTP/1.1\r\nHost: a", true), ("HTTP/1.1\r\nHost: a\r\nConnection: close", false),
    ("HTTP/1.1\r\nHost: a\r\nConnection: closed", true), ("HTTP/1.0", false),
    ("HTTP/1.0\r\nConnection: Keep-Alive", true),
    ("HTTP/1.0\r\nConnection: keep-alive, close", false),
    ("HTTP/1.2\r\nHost: a", true),
  ])
  func knowsWhetherTheConnectionLives(_ rest: String, _ expected: Bool) throws {
    let head = try #require(try HTTPHarness.parsed("GET / \(rest)\r\n\r\n"))
    #expect(head.keepAlive == expected)
  }

  @Test func doesNotTakeATunnelsBytesForRequests() throws {
    let head = try HTTPHarness.parsed("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
    #expect(head?.keepAlive == false)
  }

  @Test func readsALaterMinorVersionAs11() throws {
    let head = try HTTPHarness.parsed("GET / HTTP/1.2\r\nHost: a\r\n\r\n")
    #expect(head?.version == .http11)
  }

  @Test func seesAnUpgradeOnlyWithBothHeadersInHTTP11() throws {
    func head(_ rest: String) throws -> HTTPRequestHead {
      try #require(try HTTPHarness.parsed("GET / \(rest)\r\n\r\n"))
    }
    let both = "Connection: keep-alive, Upgrade\r\nUpgrade: h2c , websocket"
    #expect(try head("HTTP/1.1\r\nHost: a\r\n" + both).upgradeProtocols == ["h2c", "websocket"])
    #expect(try !head("HTTP/1.0\r\n" + both).asksUpgrade)
    #expect(try !head("HTTP/1.1\r\nHost: a\r\nUpgrade: websocket").asksUpgrade)
    #expect(try !head("HTTP/1.1\r\nHost: a\r\nConnection: upgrade").asksUpgrade)
  }

  @Test func waitsForContinueOnlyWhereABodyFollowsInHTTP11() throws {
    let body = "Content-Length: 5\r\nExpect: 100-Continue"
    #expect(
      try HTTPHarness.parsed("PUT / HTTP/1.1\r\nHost: a\r\n\(body)\r\n\r\n")?.expectsContinue
        == true)
    #expect(
      try HTTPHarness.parsed("PUT / HTTP/1.0\r\n\(body)\r\n\r\n")?.expectsContinue == false)
    #expect(
      try HTTPHarness.parsed("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")?
        .expectsContinue == false)
  }

  @Test func lendsRawBytesThatAreNoUTF8() throws {
    var text = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
    text += [0xFF, 0x80] + Array("\r\n\r\n".utf8)
    var parser = HTTPRequestParser()
    let head = try #require(try text.withUnsafeBytes { try parser.parse($0) }).head
    var values: [[UInt8]] = []
    head.headers.forEachRaw { _, value in values.append(Array(value)) }
    #expect(values == [[UInt8(ascii: "a")], [0xFF, 0x80]])
    #expect(head.withBytes { Array($0) } == text)
  }
}
