import Reactor
import TestSupport
import Testing

/// Openings over a socket: what is refused is an answer of HTTP, with what its status demands.
@Suite struct WebSocketUpgradeTests {
  private func opening(_ line: String = "GET /", _ fields: String...) -> String {
    let own = [
      "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    return ([line + " HTTP/1.1", "Host: own.example"] + own + fields).joined(separator: "\r\n")
      + "\r\n\r\n"
  }

  private let accepted = response(
    "101 Switching Protocols",
    [
      "Upgrade: websocket", "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ])

  @Test func pagesOfOtherOriginsAreRefused() async throws {
    try await withLoop { loop in
      let listed = try #require(HTTPOrigin("https://app.example"))
      let site = try EchoSite(loop: loop, origins: .only([listed]))
      for origin in ["https://evil.example", "null", "https://app.example/", ""] {
        let client = try site.site.connect()
        let answer = site.site.ask(
          client, opening("GET /", "Origin: \(origin)"), until: "not open a WebSocket here")
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"), "\(origin): \(answer)")
      }
      for fields in ["Origin: https://app.example", "Origin: http://own.example", "X: no browser"] {
        let client = try site.site.connect()
        #expect(site.site.ask(client, opening("GET /", fields), until: "\r\n\r\n") == accepted)
      }
      site.close()
    }
  }

  @Test func anOpeningWithABodyIsRefused() async throws {
    try await withLoop { loop in
      let site = try EchoSite(loop: loop)
      for (field, body) in [
        ("Content-Length: 2", "hi"), ("Transfer-Encoding: chunked", "0\r\n\r\n"),
      ] {
        let client = try site.site.connect()
        let answer = site.site.ask(client, opening("GET /", field) + body, until: "without a body")
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(answer)")
      }
      let client = try site.site.connect()
      let empty = opening("GET /", "Content-Length: 0")
      #expect(site.site.ask(client, empty, until: "\r\n\r\n") == accepted)
      site.close()
    }
  }

  @Test func whatIsNoOpeningIsToldHowToOpen() async throws {
    try await withLoop { loop in
      let site = try EchoSite(loop: loop)
      let client = try site.site.connect()
      let plain = site.site.ask(client, request("GET /"), until: "not name websocket")
      #expect(plain.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
      for line in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"] {
        #expect(plain.contains("\r\n\(line)\r\n"))
      }
      let post = site.site.ask(client, opening("POST /"), until: "opened with GET")
      #expect(post.hasPrefix("HTTP/1.1 405 ") && post.contains("\r\nAllow: GET\r\n"))
      site.close()
    }
  }
}
