import Testing

@testable import Reactor

@Suite struct HTTPEncoderTests {
  private func encode(_ body: (inout ByteBuffer) throws -> Void) rethrows -> String {
    var buffer = ByteBuffer()
    try body(&buffer)
    return buffer.withReadable { String(decoding: $0, as: UTF8.self) }
  }

  @Test func writesResponseHeads() {
    let field = HTTPField(fixed: "Content-Type", "text/plain")
    #expect(
      encode { HTTPEncoder.responseHead(200, fields: [field], framing: .length(12), into: &$0) }
        == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n")
    #expect(
      encode {
        HTTPEncoder.responseHead(404, fields: [], framing: .chunked, keepAlive: false, into: &$0)
      } == "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    #expect(
      encode { HTTPEncoder.responseHead(299, fields: [], framing: .untilClose, into: &$0) }
        == "HTTP/1.1 299 \r\nConnection: close\r\n\r\n")
    #expect(
      encode {
        HTTPEncoder.responseHead(200, fields: [], framing: .length(0), to: .http10, into: &$0)
      } == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
  }

  @Test func writesNoFramingWhereNoneMayBe() {
    for status in [101, 204] {
      let text = encode {
        HTTPEncoder.responseHead(status, fields: [], framing: .length(0), into: &$0)
      }
      #expect(!text.contains("Content-Length"))
    }
  }

  @Test func leavesOutFieldsThatContradictTheFraming() throws {
    let fields = ["Content-Length", "transfer-encoding", "HOST", "X"].compactMap {
      HTTPField($0, "7")
    }
    let response = encode {
      HTTPEncoder.responseHead(200, fields: fields, framing: .length(1), into: &$0)
    }
    #expect(response == "HTTP/1.1 200 OK\r\nHOST: 7\r\nX: 7\r\nContent-Length: 1\r\n\r\n")
    let request = try encode {
      try HTTPEncoder.requestHead(
        .put, target: "/x", host: "h:1", fields: fields, framing: .chunked, into: &$0)
    }
    #expect(
      request == "PUT /x HTTP/1.1\r\nHost: h:1\r\nX: 7\r\nTransfer-Encoding: chunked\r\n\r\n")
  }

  @Test(arguments: [
    ("", "v"), ("a b", "v"), ("a:", "v"), ("a\r\nb", "v"), ("\u{e9}", "v"), ("a\u{0}", "v"),
    ("a", "v\r\nb: c"), ("a", "v\n"), ("a", "\r"), ("a", "v\u{0}"), ("a", "v\u{7f}"),
    ("a", "v\u{1b}"), ("a", " v"), ("a", "v "), ("a", "\tv"), ("a", "\r\n\r\n"),
  ])
  func makesNoFieldThatWouldEndALine(_ name: String, _ value: String) {
    #expect(HTTPField(name, value) == nil)
  }

  @Test(arguments: [("a", ""), ("a", "v w\tx"), ("X-!#$", "\u{e9}\u{20ac}"), ("a", "a,b;c=\"d\"")])
  func makesFieldsOfValidText(_ name: String, _ value: String) {
    #expect(HTTPField(name, value)?.value == value)
  }

  @Test func refusesRequestLinesThatWouldEndEarly() {
    func error(_ method: HTTPMethod, _ target: String, _ host: String) -> HTTPParseError? {
      var buffer = ByteBuffer()
      do throws(HTTPParseError) {
        try HTTPEncoder.requestHead(
          method, target: target, host: host, fields: [], framing: .none, into: &buffer)
        return nil
      } catch {
        let written = buffer.count
        #expect(written == 0)
        return error
      }
    }
    #expect(error(.get, "/", "a") == nil)
    #expect(error(.other("GET /x HTTP/1.1\r\n"), "/", "a") == .invalidMethod)
    #expect(error(.other(""), "/", "a") == .invalidMethod)
    #expect(error(.get, "/ HTTP/1.1\r\nX: y", "a") == .invalidTarget)
    #expect(error(.get, "", "a") == .invalidTarget)
    #expect(error(.get, "/\u{e9}", "a") == .invalidTarget)
    #expect(error(.get, "/", "a\r\nX: y") == .invalidHost)
  }

  @Test(arguments: [1, 9, 10, 15, 16, 255, 256, 4095, 65_536, Int.max])
  func writesChunkSizesInHexadecimal(_ count: Int) {
    #expect(
      encode { HTTPEncoder.chunkHead(byteCount: count, into: &$0) }
        == String(count, radix: 16) + "\r\n")
  }

  @Test func readsBackTheChunksThatItWrites() {
    let text = encode { buffer in
      for piece in ["a", "", "bcdefghijklmnopqrstuvwxyz", "\r\n"] {
        Array(piece.utf8).withUnsafeBytes { HTTPEncoder.chunk($0, into: &buffer) }
      }
      HTTPEncoder.lastChunk(into: &buffer)
    }
    let outcome = ChunkedDecoderTests.decodeEveryWay(Array(text.utf8))
    #expect(outcome?.isOver == true)
    #expect(outcome?.data == Array("abcdefghijklmnopqrstuvwxyz\r\n".utf8))
  }

  @Test func readsBackTheHeadsThatItWrites() throws {
    let methods: [HTTPMethod] = [
      .get, .head, .post, .put, .delete, .options, .trace, .patch, .other("get"),
    ]
    let framings: [HTTPBodyFraming] = [.none, .length(0), .length(1 << 62), .chunked]
    let fields = [HTTPField(fixed: "X-A", "1, 2"), HTTPField(fixed: "x-a", "")]
    for method in methods {
      for framing in framings {
        let text = try encode {
          try HTTPEncoder.requestHead(
            method, target: "/a?b=%20", host: "[::1]:8", fields: fields, framing: framing,
            keepAlive: false, into: &$0)
        }
        let head = try #require(try HTTPHarness.parsed(text))
        #expect(head.method == method && head.framing == framing && !head.keepAlive)
        #expect(head.target == "/a?b=%20" && head.authority == "[::1]:8")
        #expect(head.headers.values("X-A") == ["1, 2", ""])
      }
    }
    for status in [200, 201, 302, 404, 429, 500, 503, 599] {
      for framing in framings + [.untilClose] where framing != .none {
        let text = encode {
          HTTPEncoder.responseHead(status, fields: fields, framing: framing, into: &$0)
        }
        let head = try #require(try HTTPHarness.parsedResponse(text))
        #expect(head.status == status && head.framing == framing)
        #expect(head.keepAlive == (framing != .untilClose))
        #expect(head.headers.values("X-A") == ["1, 2", ""])
      }
    }
  }
}
