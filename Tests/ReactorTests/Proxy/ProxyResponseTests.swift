import Reactor
import TestSupport
import Testing

/// What the client gets of a response.
@Suite struct ProxyResponseTests {
  private func answered(
    _ response: String, to line: String = "GET / HTTP/1.1", until end: String, ends: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    nonisolated(unsafe) var found = ""
    try await ProxySite.with(sourceLocation: sourceLocation) { site, loop in
      let client = try site.client()
      client.send(line + "\r\nHost: x\r\n\r\n")
      site.received(sourceLocation: sourceLocation)
      site.peers[0].send(response)
      if ends { site.peers[0].stream.close() }
      found = site.answer(to: client, until: end, sourceLocation: sourceLocation)
    }
    return found
  }

  @Test func headAndBodyAsTheyCameInOneGo() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      site.peers[0].send(
        "HTTP/1.1 299 So Be It \r\nServer:  s\r\nConnection: x-a\r\nX-A: 1\r\nContent-Length: 5\r\n"
          + "Keep-Alive: timeout=5\r\nX-B: \u{e9}\r\n\r\nhello")
      #expect(
        site.answer(to: client, until: "hello")
          == "HTTP/1.1 299 So Be It \r\nServer:  s\r\nX-B: \u{e9}\r\nContent-Length: 5\r\n\r\nhello"
      )
      #expect(client.readCounts.count == 1)
    }
  }

  @Test func chunksAnewWithoutExtensionsAndTrailers() async throws {
    let found = try await answered(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
      until: "0\r\n\r\n")
    #expect(
      found == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
  }

  @Test func aBodyUpToTheEndInChunks() async throws {
    for version in ["1.0", "1.1"] {
      let found = try await answered(
        "HTTP/\(version) 200 OK\r\n\r\nhello", until: "0\r\n\r\n", ends: true)
      #expect(
        found == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    }
  }

  @Test func aClientOfHTTP10GetsNoChunks() async throws {
    let found = try await answered(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      to: "GET / HTTP/1.0", until: "hello")
    #expect(found == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
    let kept = try await answered(
      okay("hello"), to: "GET / HTTP/1.0\r\nConnection: keep-alive", until: "hello")
    #expect(kept.contains("\r\nConnection: keep-alive\r\n"))
  }

  @Test(arguments: [
    ("HEAD", "200 OK", "Content-Length: 7\r\n", "Content-Length: 7\r\n"),
    ("HEAD", "200 OK", "Transfer-Encoding: chunked\r\n", ""),
    ("HEAD", "200 OK", "", ""),
    (
      "GET", "304 Not Modified", "Content-Length: 7\r\nETag: \"a\"\r\n",
      "ETag: \"a\"\r\nContent-Length: 7\r\n"
    ),
    ("GET", "204 No Content", "", ""),
    ("GET", "200 OK", "Content-Length: 0\r\n", "Content-Length: 0\r\n"),
  ])
  func responsesWithoutBodies(
    method: String, status: String, told: String, expected: String
  ) async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      for _ in 0..<2 {
        client.send(request("\(method) /"))
        site.received()
        site.peers[0].send("HTTP/1.1 \(status)\r\n\(told)\r\n")
        #expect(
          site.answer(to: client, until: "\r\n\r\n") == "HTTP/1.1 \(status)\r\n\(expected)\r\n")
      }
      #expect(site.peers.count == 1, "it is used again")
    }
  }

  @Test func interimResponsesAreThereAtOnce() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
      site.peers[0].drip(hints)
      #expect(site.answer(to: client, until: "\r\n\r\n") == hints)
      site.peers[0].send("HTTP/1.1 100 Continue\r\n\r\n" + okay("x"))
      #expect(site.answer(to: client, until: "x") == okay("x"), "nobody waited for a 100")
    }
  }

  @Test func eachEventAtOnce() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      site.peers[0].send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
      site.answer(to: client, until: "\r\n\r\n")
      for event in ["data: 1\n\n", "data: 2\n\n"] {
        site.peers[0].send("9\r\n\(event)\r\n")
        #expect(site.answer(to: client, until: "\r\n") == "9\r\n\(event)\r\n")
      }
    }
  }

  @Test func headsInAnyPieces() async throws {
    let response =
      "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      site.peers[0].drip(response)
      #expect(
        site.answer(to: client, until: "0\r\n\r\n")
          == response.replacing("2\r\nhi\r\n", with: "1\r\nh\r\n1\r\ni\r\n"))
      client.send(request("GET /"))
      site.received()
    }
  }

  /// A server may answer before it has the whole request, and go on reading.
  @Test func anEarlyResponseEndsTheRequest() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nab")
      site.received(until: "ab")
      site.peers[0].send(response("403 Forbidden", ["Content-Length: 2"], "no"))
      let answer = site.answer(to: client, until: "no")
      #expect(answer.contains("\r\nConnection: close\r\n"))
      loop.run(until: { client.hasEnded && site.peers[0].hasEnded })
    }
  }

  @Test func answersWhileTheRequestIsStillComing() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
      site.received(until: "a\r\n")
      site.peers[0].send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n")
      site.answer(to: client, until: "A\r\n")
      client.send("1\r\nb\r\n0\r\n\r\n")
      #expect(site.received(until: "0\r\n\r\n") == "1\r\nb\r\n0\r\n\r\n")
      site.peers[0].send("1\r\nB\r\n0\r\n\r\n")
      #expect(site.answer(to: client, until: "0\r\n\r\n") == "1\r\nB\r\n0\r\n\r\n")
    }
  }

  @Test func requestsInARowAreAnsweredInOrder() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /1") + request("GET /2") + request("GET /3"))
      for number in 1...3 {
        #expect(site.received().hasPrefix("GET /\(number) "))
        site.peers[0].send(okay("\(number)"))
        #expect(site.answer(to: client, until: "\r\n\(number)") == okay("\(number)"))
      }
      #expect(site.peers.count == 1)
    }
  }
}
