import Reactor
import TestSupport
import Testing

/// Servers that break off, lie or stall, and clients that go.
@Suite struct ProxyFaultTests {
  private let whole = okay("ok")

  /// Sends one request and plays the server; returns what the client has when its answer is over.
  private func play(
    _ site: ProxySite, _ loop: Loop, _ server: (StreamProbe) -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let count = site.peers.count
    let client = try site.client()
    client.send(request("GET /"))
    site.received(on: count, sourceLocation: sourceLocation)
    server(site.peers[count])
    loop.run(
      until: { client.hasEnded || client.isClosed || client.text.hasSuffix("failed") },
      sourceLocation: sourceLocation)
    return withoutDate(client.take())
  }

  private let failed = response("502 Bad Gateway", ["Content-Length: 6"], "failed")

  @Test func anUnreachableServerIsTold() async throws {
    try await ProxySite.with { site, loop in
      site.isRefusing = true
      let client = try site.client()
      client.send(request("GET /"))
      #expect(site.answer(to: client, until: "failed") == failed)
      #expect(site.failures == [.unreachable("nobody is there")])
    }
  }

  @Test func anEndBeforeTheHeadIsTold() async throws {
    try await ProxySite.with { site, loop in
      let closed = try play(site, loop) { $0.stream.close() }
      let reset = try play(site, loop) { site.reset($0) }
      let cut = try play(site, loop) {
        $0.send("HTTP/1.1 200 O")
        $0.stream.endWriting()
      }
      #expect([closed, reset, cut] == [failed, failed, failed])
      #expect(site.failures.count == 3)
    }
  }

  @Test(arguments: ["close", "reset"])
  func anEndWithinTheBodyBreaksOffTheClient(how: String) async throws {
    try await ProxySite.with { site, loop in
      for head in [
        "Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      ] {
        let found = try play(site, loop) { peer in
          peer.send("HTTP/1.1 200 OK\r\n" + head)
          loop.turns(3)
          how == "close" ? peer.stream.close() : site.reset(peer)
        }
        #expect(found.contains("abc") && !found.hasSuffix("0\r\n\r\n"), "\(found)")
      }
      #expect(site.failures.isEmpty)
    }
  }

  @Test(arguments: [
    "nonsense\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: \(String(repeating: "a, ", count: 65))\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ])
  func whatIsNoResponseIsTold(text: String) async throws {
    try await ProxySite.with { site, loop in
      let found = try play(site, loop) { $0.send(text) }
      #expect(found == failed)
      loop.run(until: { site.peers[0].hasEnded })
    }
  }

  @Test(arguments: [
    "zz\r\n", "1\r\nab\r\n", "1 \n", "ffffffffffffffffff\r\n", "0\r\nA : b\r\n\r\n",
  ])
  func aBrokenChunkBreaksOffTheClient(chunk: String) async throws {
    try await ProxySite.with { site, loop in
      let found = try play(site, loop) {
        $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + chunk)
      }
      #expect(!found.hasSuffix("0\r\n\r\n"), "\(found)")
    }
  }

  @Test func tooManyInterimResponsesAreTold() async throws {
    try await ProxySite.with { site, loop in
      let found = try play(site, loop) {
        $0.send(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17))
      }
      #expect(found.hasSuffix("failed"))
      #expect(site.failures == [.tooManyInterimResponses])
    }
  }

  @Test func whatFollowsAResponseReachesNobody() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /1"))
      site.received()
      site.peers[0].send(whole + okay("smuggled"))
      #expect(site.answer(to: client, until: "ok") == whole)
      client.send(request("GET /2"))
      site.received(on: 1)
      site.peers[1].send(okay("second"))
      #expect(site.answer(to: client, until: "second") == okay("second"))
      loop.run(until: { site.peers[0].hasEnded })
      // The same a little later, when the connection is idle.
      site.peers[1].send(okay("smuggled"))
      loop.run(until: { site.peers[1].hasEnded })
      client.send(request("GET /3"))
      site.received(on: 2)
      site.peers[2].send(okay("third"))
      #expect(site.answer(to: client, until: "third") == okay("third"))
    }
  }

  /// RFC 9112 §9.3.1
  @Test func aRequestLostWithAnIdleConnectionIsSentAgainOnce() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /1"))
      site.received()
      site.peers[0].send(whole)
      site.answer(to: client, until: "ok")
      client.send(request("GET /2"))
      site.received()
      site.reset(site.peers[0])
      #expect(site.received(on: 1).hasPrefix("GET /2 "))
      site.reset(site.peers[1])
      #expect(site.answer(to: client, until: "failed") == failed)
    }
  }

  @Test func aPOSTLostWithAnIdleConnectionIsNotSentAgain() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /1"))
      site.received()
      site.peers[0].send(whole)
      site.answer(to: client, until: "ok")
      client.send(request("POST /2", "Content-Length: 1") + "x")
      site.received(until: "x")
      site.reset(site.peers[0])
      #expect(site.answer(to: client, until: "failed") == failed)
      #expect(site.peers.count == 1)
    }
  }

  @Test func aClientThatGoesEndsItsRequest() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      site.reset(client)
      loop.run(until: { site.peers[0].hasEnded })
      #expect(site.endCount == 1)
    }
  }

  @Test func whatIsAbortedBreaksOffOnBothSides() async throws {
    try await ProxySite.with { site, loop in
      for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"] {
        let client = try site.client()
        let index = site.peers.count
        client.send(request("GET /"))
        site.received(on: index)
        if !head.isEmpty {
          site.peers[index].send(head)
          loop.run(until: { !client.bytes.isEmpty })
        }
        site.exchanges[index].abort()
        site.exchanges[index].abort()
        loop.run(until: { client.hasEnded && site.peers[index].hasEnded })
        #expect(site.endCount == index + 1)
      }
      #expect(site.failures.isEmpty)
    }
  }

  @Test func aClientThatHasEndedItsDirectionIsAnswered() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      client.stream.endWriting()
      site.received()
      loop.turns(5)
      site.peers[0].send(whole)
      #expect(site.answer(to: client, until: "ok").hasSuffix("ok"))
    }
  }

  @Test func butNotForEver() async throws {
    var limits = UpstreamLimits()
    limits.halfCloseMs = 20
    limits.sweepMs = 5
    try await ProxySite.with(limits: limits) { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      client.stream.endWriting()
      site.received()
      loop.run(until: { site.peers[0].hasEnded })
    }
  }

  @Test func aSilentServerIsGivenUp() async throws {
    var limits = UpstreamLimits()
    limits.headMs = 20
    limits.bodyIdleMs = 20
    limits.sweepMs = 5
    try await ProxySite.with(limits: limits) { site, loop in
      let silent = try play(site, loop) { _ in }
      #expect(silent == failed)
      #expect(site.failures == [.timedOut(.head)])
      let found = try play(site, loop) { $0.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na") }
      #expect(found.hasSuffix("\r\n\r\na"))
    }
  }

  @Test func anIdleConnectionIsClosedInTime() async throws {
    var limits = UpstreamLimits()
    limits.idleMs = 20
    limits.sweepMs = 5
    try await ProxySite.with(limits: limits) { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      site.peers[0].send(whole)
      site.answer(to: client, until: "ok")
      #expect(site.pool.idleCount == 1)
      loop.run(until: { site.peers[0].hasEnded })
      #expect(site.pool.idleCount == 0)
    }
  }

  @Test func keepsNoMoreIdleConnectionsThanItMay() async throws {
    var limits = UpstreamLimits()
    limits.maxIdlePerUpstream = 2
    try await ProxySite.with(limits: limits) { site, loop in
      let clients = try (0..<4).map { _ in try site.client() }
      for client in clients { client.send(request("GET /")) }
      loop.run(until: { site.peers.count == 4 && site.peers.allSatisfy { !$0.bytes.isEmpty } })
      for peer in site.peers { peer.send(whole) }
      for client in clients { site.answer(to: client, until: "ok") }
      #expect(site.pool.idleCount == 2)
      site.pool.drop(site.upstream)
      loop.run(until: { site.peers.allSatisfy { $0.hasEnded } })
    }
  }
}
