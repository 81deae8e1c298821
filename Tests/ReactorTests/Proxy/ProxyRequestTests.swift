import Reactor
import TestSupport
import Testing

/// What the server behind the proxy gets of a request.
@Suite struct ProxyRequestTests {
  private func forwarded(
    _ text: String, until end: String = "\r\n\r\n",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    nonisolated(unsafe) var found = ""
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(text)
      found = site.received(until: end)
    }
    return found
  }

  @Test(arguments: [
    "/", "/a/../b//c", "/%2e%2E/%00?a=%zz".replacing("%zz", with: "%7a"), "/?", "/?a=b&&c=?d",
    "//evil.example/x", "/a;b=c/[d]|{e}`^", "/x?token=abc%26", "*",
  ])
  func targetsAsTheyCame(target: String) async throws {
    let method = target == "*" ? "OPTIONS" : "GET"
    let found = try await forwarded("\(method) \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(found == "\(method) \(target) HTTP/1.1\r\nHost: inside\r\n\r\n")
  }

  @Test(arguments: [
    ("http://x", "/"), ("http://x/", "/"), ("HTTP://x:80/a?b", "/a?b"), ("http://x?q=1", "/?q=1"),
    ("http://x//y", "//y"),
  ])
  func absoluteFormsAsOriginForms(target: String, expected: String) async throws {
    let found = try await forwarded("GET \(target) HTTP/1.1\r\nHost: other\r\n\r\n")
    #expect(found.hasPrefix("GET \(expected) HTTP/1.1\r\n"))
  }

  /// RFC 9112 §3.2.4
  @Test(arguments: [
    ("http://x", "*"), ("http://x/", "/"), ("http://x?q", "/?q"), ("/", "/"), ("*", "*"),
  ])
  func optionsOfAWholeServer(target: String, expected: String) async throws {
    let found = try await forwarded("OPTIONS \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(found == "OPTIONS \(expected) HTTP/1.1\r\nHost: inside\r\n\r\n")
  }

  /// A server that makes variables of fields would read a second length.
  @Test func fieldsOfTheConnectionInDisguise() async throws {
    let found = try await forwarded(
      "GET / HTTP/1.1\r\nHost: x\r\nContent_Length: 9\r\na_b: 1\r\nTRANSFER_Encoding: chunked\r\n"
        + "keep_alive: 1\r\n_: 2\r\nProxy-Authorization_: 3\r\nProxy_Connection: x\r\n\r\n")
    #expect(
      found == "GET / HTTP/1.1\r\nHost: inside\r\na_b: 1\r\n_: 2\r\nProxy-Authorization_: 3\r\n\r\n"
    )
  }

  @Test(arguments: [
    ("POST", "Content-Length: 3", "abc", true), ("PUT", "Content-Length: 3", "abc", true),
    ("GET", "Content-Length: 0", "", true), ("GET", "Content-Length: 3", "abc", false),
    ("DELETE", "Content-Length: 3", "abc", false), ("QUERY", "Content-Length: 3", "abc", false),
    ("POST", "Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", false),
  ])
  func noServerCanTakeABodyForAnotherClientsRequest(
    method: String, framing: String, body: String, isUsedAgain: Bool
  ) async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("\(method) / HTTP/1.1\r\nHost: x\r\n\(framing)\r\n\r\n\(body)")
      site.received(until: body.isEmpty ? "\r\n\r\n" : body)
      site.peers[0].send(okay("ok"))
      site.answer(to: client, until: "ok")
      #expect(site.pool.idleCount == (isUsedAgain ? 1 : 0))
      if !isUsedAgain { loop.run(until: { site.peers[0].hasEnded }) }
      client.send(request("GET /next"))
      site.received(on: isUsedAgain ? 0 : 1)
    }
  }

  @Test func fieldsAsTheyCameWithoutThoseOfTheConnection() async throws {
    let found = try await forwarded(
      "PURGE /x HTTP/1.1\r\nHost: x\r\nA:  1 \r\nConnection: close, b,  X-Secret\r\nB: 2\r\n"
        + "x-secret: 3\r\nc:\tö\t\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: D\r\n"
        + "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nUpgrade: h2c\r\n"
        + "HTTP2-Settings: AAA\r\nA: 4\r\n\r\n")
    #expect(
      found == "PURGE /x HTTP/1.1\r\nHost: inside\r\nA:  1 \r\nc:\tö\t\r\nA: 4\r\n\r\n")
  }

  /// Else a client could make two messages of one.
  @Test func connectionOptionsTakeNeitherLengthNorHostAway() async throws {
    let found = try await forwarded(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: content-length, host\r\nContent-Length: 3\r\n\r\nabc",
      until: "abc")
    #expect(found == "POST / HTTP/1.1\r\nHost: inside\r\nContent-Length: 3\r\n\r\nabc")
    let chunked = try await forwarded(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: transfer-encoding\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", until: "0\r\n\r\n")
    #expect(
      chunked == "POST / HTTP/1.1\r\nHost: inside\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
  }

  @Test func chunksWithoutExtensionsAndTrailers() async throws {
    let found = try await forwarded(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "3;a=\"b\"\r\nabc\r\n0002\r\nde\r\n0;x\r\nContent-Length: 9\r\n\r\n", until: "0\r\n\r\n")
    #expect(
      found == "POST / HTTP/1.1\r\nHost: inside\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
  }

  @Test func aHeadAndItsSmallBodyInOneGo() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
      site.received(until: "hello")
      #expect(site.peers[0].readCounts.count == 1)
    }
  }

  @Test func bodiesInAnyPieces() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.drip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
      #expect(site.received(until: "hello").hasSuffix("\r\nContent-Length: 5\r\n\r\nhello"))
      site.peers[0].send("HTTP/1.1 204 No Content\r\n\r\n")
      site.answer(to: client, until: "\r\n\r\n")
      client.drip(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
      #expect(
        site.received(until: "0\r\n\r\n").hasSuffix(
          "\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")
      )
    }
  }

  @Test func aBodyThatStartsWithinItsChunkHead() async throws {
    let found = try await forwarded(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3")
    #expect(found.hasSuffix("Transfer-Encoding: chunked\r\n\r\n"))
  }

  @Test func asksForAContinueAndPassesItOn() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      #expect(
        site.received() == "PUT / HTTP/1.1\r\nHost: inside\r\nContent-Length: 2\r\n"
          + "Expect: 100-continue\r\n\r\n")
      loop.turns(5)
      #expect(client.text == "", "nobody but the server says so")
      site.peers[0].send("HTTP/1.1 100 Continue\r\n\r\n")
      #expect(site.answer(to: client, until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      client.send("ab")
      #expect(site.received(until: "ab") == "ab")
      site.peers[0].send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
      site.answer(to: client, until: "\r\n\r\n")
      client.send(request("GET /"))
      site.received()
    }
  }

  /// What follows may be the body or another request: nobody can tell.
  @Test func closesAfterARefusalInsteadOfAContinue() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      site.received()
      site.peers[0].send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
      let answer = site.answer(to: client, until: "\r\n\r\n")
      #expect(
        answer == "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      loop.run(until: { client.hasEnded })
      #expect(site.pool.idleCount == 0, "nor is the server's connection used again")
    }
  }

  @Test func whatIsNoRequestGoesNowhere() async throws {
    try await ProxySite.with { site, loop in
      for bad in [
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: \(String(repeating: "a,", count: 65))\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      ] {
        let client = try site.client()
        client.send(bad)
        loop.run(until: { client.hasEnded })
        #expect(client.text.hasPrefix("HTTP/1.1 400 "), "\(bad)")
      }
      #expect(site.peers.isEmpty)
    }
  }

  @Test func givesUpARequestWhoseBodyBreaks() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
      site.received(until: "abc\r\n")
      client.send("zz\r\n")
      loop.run(until: { client.hasEnded && site.peers[0].hasEnded })
      #expect(client.text.hasPrefix("HTTP/1.1 400 "))
      #expect(site.peers[0].text == "", "no end that could be taken for a whole body")
    }
  }
}
