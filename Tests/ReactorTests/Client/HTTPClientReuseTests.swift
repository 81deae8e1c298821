import Reactor
import TestSupport
import Testing

/// When a connection takes another request, and when it must not (RFC 9112 §9.3, §11.2).
@Suite struct HTTPClientReuseTests {
  private static let head: HTTPClientRequest = {
    var request = HTTPClientRequest.get
    request.method = .head
    return request
  }()

  @Test(arguments: [
    okay("ok"), okay(""), response("204 No Content"), response("304 Not Modified"),
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okay("ok"),
    response("500 Internal Server Error", ["Content-Length: 0"]),
  ])
  func anAnswerThatIsWholeLeavesAConnectionThatIsUsedAgain(text: String) async throws {
    try await HTTPClientSite.with { site, _ in
      site.serve(text, on: 0)
      #expect(site.latestError == nil && site.pool.idleCount == 1)
      site.serve(okay("second"), on: 0)
      #expect(site.latest == "second")
      site.serve("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", on: 0, Self.head)
      #expect(site.latest == "")
      #expect(site.dialed.count == 1 && site.pool.idleCount == 1)
    }
  }

  @Test(arguments: [
    okay("ok", "Connection: close"), okay("ok", "Connection: keep-alive, CLOSE"),
    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    okay("ok") + "x", okay("ok") + okay("an answer that nobody asked for"),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\r\n",
    response("204 No Content") + "body",
  ])
  func anAnswerThatEndsTheConnectionOrHasBytesBehindItIsTheLast(text: String) async throws {
    try await HTTPClientSite.with { site, _ in
      site.serve(text, on: 0)
      #expect(site.latestError == nil && site.pool.idleCount == 0)
      site.serve(okay("second"), on: 1)
      #expect(site.latest == "second")
    }
  }

  @Test(arguments: [
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
      HTTPClientError.malformed(.conflictingFraming)
    ),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      .malformed(.repeatedContentLength)
    ),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
      .malformed(.repeatedContentLength)
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      .malformed(.unsupportedTransferEncoding)
    ),
    (
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      .malformed(.transferEncodingInHTTP10)
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n",
      .malformed(.invalidChunkEnd)
    ),
    ("HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n\r\n", .malformed(.obsoleteFold)),
    ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", .malformed(.invalidLineEnd)),
    ("\r\n" + okay("ok"), .malformed(.invalidVersion)),
    (
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      .unexpectedUpgrade
    ),
    (
      String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17) + okay("ok"),
      .tooManyInterimResponses
    ),
  ])
  func anAnswerThatTwoReadersCouldReadDifferentlyIsAnErrorAndTheLast(
    text: String, error: HTTPClientError
  ) async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      site.serve(text, on: 0)  // not sent once more either: it was answered
      #expect(site.latestError == error)
      #expect(site.pool.idleCount == 0)
      loop.run(until: { site.peers[0].hasEnded || site.peers[0].isClosed })
      site.serve(okay("next"), on: 1)
      #expect(site.latest == "next" && site.dialed.count == 2)
    }
  }

  @Test(arguments: ["x", okay("an answer before its request"), ""])
  func anIdleConnectionWhosePeerSpeaksOrEndsIsClosed(words: String) async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      if words.isEmpty { site.peers[0].stream.endWriting() } else { site.peers[0].send(words) }
      loop.run(until: { site.pool.connectionCount == 0 })
      #expect(site.pool.idleCount == 0)
      site.serve(okay("next"), on: 1)
      #expect(site.latest == "next")
    }
  }

  @Test(arguments: [okay("poison"), ""])
  func whatWaitsUnreadOnAnIdleConnectionIsNoAnswerToTheNextRequest(words: String) async throws {
    try await HTTPClientSite.with { site, _ in
      site.serve(on: 0)
      // It arrives at once over loopback, and the loop does not turn before the next request.
      if words.isEmpty { site.peers[0].stream.endWriting() } else { site.peers[0].send(words) }
      site.serve(okay("true"), on: 1)
      #expect(site.latest == "true" && site.dialed.count == 2)
    }
  }

  @Test func anAnswerThatEndsWithTheConnectionIsWholeAndTheLast() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask()
      let peer = site.request(on: 0)
      peer.send("HTTP/1.1 200 OK\r\n\r\nall of it")
      peer.stream.endWriting()
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latest == "all of it" && site.pool.idleCount == 0)
    }
  }

  @Test func ourOwnServerKeepsTheConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo() }
      let pool = HTTPClientPool<Int>(loop: loop) { _ throws(HTTPClientError) in
        do { return try SocketStream.connect(loop: loop, to: site.address) } catch {
          throw .unreachable("\(error)")
        }
      }
      for count in [0, 1, 70_000] {
        var answer: HTTPClientSite.Answer?
        let body = [UInt8](repeating: 0x61, count: count)
        pool.send(.post(.bytes(body)), to: 1) { answer = $0 }
        loop.run(until: { answer != nil })
        #expect(try #require(answer).get().body == body)
        #expect(site.server.connectionCount == 1 && pool.idleCount == 1)
      }
      pool.close()
      loop.run(until: { pool.connectionCount == 0 })
      site.close()
    }
  }
}
