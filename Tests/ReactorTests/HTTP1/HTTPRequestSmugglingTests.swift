import Testing

@testable import Reactor

/// Requests that two readers could take for different ones, and plain garbage: each is refused,
/// with the right status, however it arrives.
@Suite struct HTTPRequestSmugglingTests {
  typealias Case = (text: String, error: HTTPParseError)

  static let startLines: [Case] = [
    ("\r\n\r\nGET / HTTP/1.1\r\n", .invalidMethod),
    ("\nGET / HTTP/1.1\r\n", .invalidMethod),
    ("\rGET", .invalidLineEnd),
    (" GET / HTTP/1.1\r\n", .invalidMethod),
    ("G\u{0}T / HTTP/1.1\r\n", .invalidMethod),
    ("GE(T / HTTP/1.1\r\n", .invalidMethod),
    ("GET\t/ HTTP/1.1\r\n", .invalidMethod),
    (String(repeating: "A", count: 33), .methodTooLong),
    ("GET  / HTTP/1.1\r\n", .invalidTarget),
    ("GET /\r\n", .invalidTarget),
    ("GET /a b HTTP/1.1\r\n", .invalidVersion),
    ("GET /#x HTTP/1.1\r\n", .invalidTarget),
    ("GET /\u{e9} HTTP/1.1\r\n", .invalidTarget),
    ("GET /\u{7f} HTTP/1.1\r\n", .invalidTarget),
    ("GET /\" HTTP/1.1\r\n", .invalidTarget),
    ("GET /<> HTTP/1.1\r\n", .invalidTarget),
    ("GET /a\\b HTTP/1.1\r\n", .invalidTarget),
    ("GET /%2 HTTP/1.1\r\n", .invalidTarget),
    ("GET /%zz HTTP/1.1\r\n", .invalidTarget),
    ("GET /% HTTP/1.1\r\n", .invalidTarget),
    ("GET a HTTP/1.1\r\n", .invalidTarget),
    ("GET * HTTP/1.1\r\n", .invalidTarget),
    ("OPTIONS *a HTTP/1.1\r\n", .invalidTarget),
    ("GET ftp://a/ HTTP/1.1\r\n", .invalidTarget),
    ("GET http:///x HTTP/1.1\r\n", .invalidTarget),
    ("GET http://u@h/ HTTP/1.1\r\n", .invalidTarget),
    ("GET http://h:x/ HTTP/1.1\r\n", .invalidTarget),
    ("GET h:80 HTTP/1.1\r\n", .invalidTarget),
    ("CONNECT / HTTP/1.1\r\n", .invalidTarget),
    ("CONNECT h HTTP/1.1\r\n", .invalidTarget),
    ("CONNECT h: HTTP/1.1\r\n", .invalidTarget),
    ("CONNECT h:99999 HTTP/1.1\r\n", .invalidTarget),
    ("GET / HTTP/1.1\n", .invalidLineEnd),
    ("GET / HTTP/1.1\rX", .invalidLineEnd),
    ("GET / HTTP/1.1 \r\n", .invalidVersion),
    ("GET /  HTTP/1.1\r\n", .invalidVersion),
    ("GET / http/1.1\r\n", .invalidVersion),
    ("GET / HTTP/1\r\n", .invalidVersion),
    ("GET / HTTP/1.10\r\n", .invalidVersion),
    ("GET / HTTP/11\r\n", .invalidVersion),
    ("GET / HTTP/1,1\r\n", .invalidVersion),
    ("GET / \r\n", .invalidVersion),
    ("GET / HTTP/2.0\r\n", .unsupportedVersion),
    ("GET / HTTP/0.9\r\n", .unsupportedVersion),
    ("PRI * HTTP/2.0\r\n", .invalidTarget),
  ]

  static let headers: [Case] = [
    ("X: a\nY: b\r\n", .invalidLineEnd),
    ("X: a\rY: b\r\n", .invalidLineEnd),
    ("X: a\r\r\n", .invalidLineEnd),
    ("\n", .invalidLineEnd),
    ("\rX", .invalidLineEnd),
    ("X: a\u{0}b\r\n", .invalidFieldValue),
    ("X: a\u{7f}\r\n", .invalidFieldValue),
    ("X: 0123456789\u{b}0123456789\r\n", .invalidFieldValue),
    (" X: a\r\n", .obsoleteFold),
    ("X: a\r\n b\r\n", .obsoleteFold),
    ("X: a\r\n\tb\r\n", .obsoleteFold),
    ("X : a\r\n", .blankBeforeColon),
    ("X\t: a\r\n", .blankBeforeColon),
    ("Content-Length : 5\r\n", .blankBeforeColon),
    (": a\r\n", .invalidFieldName),
    ("X\r\n", .invalidFieldName),
    ("X(: a\r\n", .invalidFieldName),
    ("X\u{e9}: a\r\n", .invalidFieldName),
    ("X\u{0}: a\r\n", .invalidFieldName),
    ("X[: a\r\n", .invalidFieldName),
    ("Host: b\r\n\r\n", .repeatedHost),
    ("Expect: x\r\n\r\n", .unsupportedExpectation),
    ("Expect: 100-continue, x\r\n\r\n", .unsupportedExpectation),
    ("Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", .unsupportedExpectation),
  ]

  static let framings: [Case] = [
    ("Content-Length:", .invalidContentLength),
    ("Content-Length: +5", .invalidContentLength),
    ("Content-Length: -1", .invalidContentLength),
    ("Content-Length: 0x5", .invalidContentLength),
    ("Content-Length: 5 5", .invalidContentLength),
    ("Content-Length: 5, 5", .invalidContentLength),
    ("Content-Length: 5,", .invalidContentLength),
    ("Content-Length: 1.0", .invalidContentLength),
    ("Content-Length: \u{661}", .invalidContentLength),
    ("Content-Length: 9223372036854775808", .invalidContentLength),
    ("Content-Length: 18446744073709551616", .invalidContentLength),
    ("Content-Length: 99999999999999999999999999", .invalidContentLength),
    ("Content-Length: 5\r\nContent-Length: 5", .repeatedContentLength),
    ("Content-Length: 5\r\ncontent-length: 6", .repeatedContentLength),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", .conflictingFraming),
    ("Transfer-Encoding: chunked\r\nContent-Length: 0", .conflictingFraming),
    ("Transfer-Encoding: x\r\nContent-Length: 0", .conflictingFraming),
    ("Transfer-Encoding: gzip", .unsupportedTransferEncoding),
    ("Transfer-Encoding: identity", .unsupportedTransferEncoding),
    ("Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
    ("Transfer-Encoding: xchunked", .unsupportedTransferEncoding),
    ("Transfer-Encoding: chunked;q=1", .unsupportedTransferEncoding),
    ("Transfer-Encoding: \"chunked\"", .unsupportedTransferEncoding),
    ("Transfer-Encoding: chunked, gzip", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked, chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .invalidTransferEncoding),
    ("Transfer-Encoding:", .invalidTransferEncoding),
    ("Transfer-Encoding: ,chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked,", .invalidTransferEncoding),
  ]

  private func expectRefusal(_ text: String, _ error: HTTPParseError) {
    let bytes = Array(text.utf8)
    let (outcome, mismatch) = HTTPHarness.everyWay(bytes) {
      HTTPHarness.request(bytes, ends: $0)
    }
    #expect(outcome.error == error)
    #expect(mismatch == nil)
  }

  @Test(arguments: startLines) func refusesAmbiguousStartLines(
    _ text: String, _ error: HTTPParseError
  ) {
    expectRefusal(text + "Host: a\r\n\r\n", error)
  }

  @Test(arguments: headers) func refusesAmbiguousHeaders(_ text: String, _ error: HTTPParseError) {
    expectRefusal("GET / HTTP/1.1\r\nHost: a\r\n" + text, error)
  }

  @Test(arguments: framings) func refusesAmbiguousFraming(_ text: String, _ error: HTTPParseError) {
    expectRefusal("POST / HTTP/1.1\r\nHost: a\r\n\(text)\r\n\r\n", error)
  }

  @Test func refusesChunksInHTTP10() {
    expectRefusal(
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10)
  }

  @Test(arguments: [
    "", " ", "a b", "a/b", "a,b", "a@b", "u@a", "a:b", "a:80:80", ":80", "a:65536", "a:123456",
    "[::1", "::1", "[::1]x", "[::g]", "[]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]",
    "[1::2::3]", "[1:2:3:4:5:6:7:8::]", "[1:2:3:4::5:6:7:8]", "[::1%25eth0]", "[12345::]",
    "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.04]",
    "[1:]", "[:1]", "[:::]", "a%41", "\u{e9}", "http://a", "a?b", "a#b",
  ])
  func refusesMalformedHosts(_ host: String) {
    expectRefusal("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", .invalidHost)
    #expect(HTTPHost(host) == nil)
  }

  @Test(arguments: [
    "a", "A-b.c_d~", "127.0.0.1", "a:80", "a:", "a:65535", "[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]",
    "[1::8]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[fe80::1]:65535",
    "[1:2:3:4:5:6:1.2.3.4]",
  ])
  func acceptsHosts(_ host: String) throws {
    #expect(try HTTPHarness.parsed("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")?.authority == host)
  }

  @Test func demandsHostInHTTP11Only() {
    expectRefusal("GET / HTTP/1.1\r\n\r\n", .missingHost)
    expectRefusal("GET / HTTP/1.2\r\n\r\n", .missingHost)
    expectRefusal("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost)
    expectRefusal("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost)
  }

  @Test func refusesABadByteWhenItArrives() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n"
    for (text, error) in Self.headers {
      guard !text.hasSuffix("\r\n\r\n") else { continue }
      let bytes = Array((start + text).utf8)
      let outcome = HTTPHarness.request(bytes, ends: Array(0...bytes.count))
      // All but what precedes the bad byte is still to come, to no effect.
      let longer = Array((start + text + String(repeating: "x", count: 50)).utf8)
      #expect(
        HTTPHarness.request(longer, ends: Array(0...longer.count)).decidedAt == outcome.decidedAt)
      #expect(outcome.error == error)
    }
    for (text, at) in [("GET / HTTP/1.1\n", 15), ("GET /\u{0}", 6), ("GET / HTTQ", 10)] {
      #expect(
        HTTPHarness.request(Array(text.utf8), ends: Array(0...text.utf8.count)).decidedAt == at)
    }
  }

  @Test func answersWithTheRightStatus() {
    let statuses: [HTTPParseError: Int] = [
      .targetTooLong: 414, .headTooLarge: 431, .tooManyFields: 431, .methodTooLong: 501,
      .unsupportedTransferEncoding: 501, .unsupportedVersion: 505, .unsupportedExpectation: 417,
      .trailersTooLarge: 431, .tooManyPathSegments: 414, .tooManyQueryItems: 414,
    ]
    for error in HTTPParseError.allCases {
      #expect(error.status == statuses[error, default: 400])
      #expect(!error.reason.isEmpty)
    }
  }
}
