import Testing

@testable import Reactor

@Suite struct HTTPResponseParserTests {
  static let accepted: [String] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.0 404 Not Found at all\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 999 \u{fc}ber\tdies\r\nA: b\r\nA: c\r\n\r\n",
  ]

  static let refused: [(String, HTTPParseError)] = [
    ("\r\nHTTP/1.1 200 OK\r\n\r\n", .invalidVersion),
    ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    ("HTTP/1.1  200 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 20 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 2000 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 099 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 +20 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 200\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 200 OK\n\r\n", .invalidLineEnd),
    ("HTTP/1.1 200 OK\r\r\n", .invalidLineEnd),
    ("HTTP/1.1 200 OK\r\nA: b\n\r\n", .invalidLineEnd),
    ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", .obsoleteFold),
    ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .blankBeforeColon),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", .invalidContentLength),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      .conflictingFraming
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .unsupportedTransferEncoding),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
  ]

  @Test(arguments: accepted) func acceptsValidHeadsHoweverTheyArrive(_ text: String) {
    let bytes = Array(text.utf8)
    let (outcome, mismatch) = HTTPHarness.everyWay(bytes) {
      HTTPHarness.response(bytes, ends: $0)
    }
    #expect(mismatch == nil)
    #expect(outcome.consumed == bytes.count)
    #expect(outcome.decidedAt == bytes.count)
  }

  @Test(arguments: refused) func refusesAmbiguousHeads(_ text: String, _ error: HTTPParseError) {
    let bytes = Array(text.utf8)
    let (outcome, mismatch) = HTTPHarness.everyWay(bytes) {
      HTTPHarness.response(bytes, ends: $0)
    }
    #expect(mismatch == nil)
    #expect(outcome.error == error)
  }

  @Test func framesByStatusAndRequestMethod() throws {
    func framing(_ status: String, _ headers: String, _ method: HTTPMethod) throws
      -> HTTPBodyFraming?
    {
      try HTTPHarness.parsedResponse("HTTP/1.1 \(status) x\r\n\(headers)\r\n", to: method)?.framing
    }
    let length = "Content-Length: 7\r\n"
    let chunked = "Transfer-Encoding: chunked\r\n"
    #expect(try framing("200", length, .get) == .length(7))
    #expect(try framing("200", chunked, .post) == .chunked)
    #expect(try framing("200", "", .get) == .untilClose)
    #expect(try framing("200", length, .head) == HTTPBodyFraming.none)
    #expect(try framing("200", chunked, .head) == HTTPBodyFraming.none)
    #expect(try framing("304", length, .get) == HTTPBodyFraming.none)
    #expect(try framing("204", "", .get) == HTTPBodyFraming.none)
    #expect(try framing("100", "", .get) == HTTPBodyFraming.none)
    #expect(try framing("101", "", .get) == HTTPBodyFraming.none)
    #expect(try framing("200", length, .connect) == HTTPBodyFraming.none)
    #expect(try framing("403", length, .connect) == .length(7))
  }

  @Test func knowsWhatTheConnectionBecomes() throws {
    func head(_ text: String) throws -> HTTPResponseHead {
      try #require(try HTTPHarness.parsedResponse(text))
    }
    #expect(try head("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").keepAlive)
    #expect(try !head("HTTP/1.1 200 \r\n\r\n").keepAlive)
    #expect(try !head("HTTP/1.1 200 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keepAlive)
    #expect(try head(Self.accepted[3]).isUpgrade)
    #expect(try !head("HTTP/1.1 101 \r\nUpgrade: websocket\r\n\r\n").isUpgrade)
    #expect(try head("HTTP/1.1 103 \r\n\r\n").isInformational)
    #expect(try head(Self.accepted[2]).reason == "Not Found at all")
  }
}
