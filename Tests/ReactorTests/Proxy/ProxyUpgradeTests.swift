import Reactor
import TestSupport
import Testing

/// What leaves HTTP through the proxy.
@Suite struct ProxyUpgradeTests {
  private let asks = request("GET /", "Connection: keep-alive, Upgrade", "Upgrade: raw, Other")
  private let switches =
    "HTTP/1.1 101 Switching Protocols\r\nX-A: b\r\nUpgrade: Raw\r\nConnection: Upgrade\r\n\r\n"

  /// A client and its server after the 101.
  private func spliced(
    _ site: ProxySite, _ loop: Loop, behindRequest: String = "", behind101: String = ""
  ) throws -> (client: StreamProbe, server: StreamProbe) {
    let client = try site.client()
    client.send(asks + behindRequest)
    let head = site.received(on: site.peers.count)
    #expect(
      head == "GET / HTTP/1.1\r\nHost: inside\r\nConnection: Upgrade\r\nUpgrade: raw, Other\r\n\r\n"
    )
    let server = site.peers[site.peers.count - 1]
    server.send(switches + behind101)
    loop.run(until: { client.text.contains("\r\n\r\n") })
    return (client, server)
  }

  @Test func passesBytesBothWays() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop)
      #expect(
        client.text
          == "HTTP/1.1 101 Switching Protocols\r\nX-A: b\r\nConnection: Upgrade\r\nUpgrade: Raw\r\n\r\n"
      )
      _ = client.take()
      client.send("ping")
      #expect(site.received(until: "ping") == "ping")
      server.send("pong")
      #expect(site.answer(to: client, until: "pong") == "pong")
      #expect(site.splices[0].toServerByteCount == 4 && site.splices[0].toClientByteCount == 4)
      client.stream.close()
      loop.run(until: { server.hasEnded })
      server.stream.close()
      loop.run(until: { site.endCount == 1 })
      #expect(site.pool.connectionCount == 0)
    }
  }

  @Test func bytesBehindTheHeadsBelongToIt() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop, behindRequest: "early", behind101: "also")
      loop.run(until: { server.text == "early" && client.text.hasSuffix("also") })
    }
  }

  @Test func eachDirectionEndsByItself() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop)
      client.stream.endWriting()
      loop.run(until: { server.hasEnded })
      server.send("still there")
      site.answer(to: client, until: "still there")
      server.stream.endWriting()
      loop.run(until: { site.endCount == 1 })
    }
  }

  @Test func aLostSideTakesTheOtherOneAlongAfterItsLastBytes() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop)
      client.stream.pauseReading()
      let last = [UInt8](repeating: 7, count: 300_000)
      server.send(last)
      loop.run(until: { server.stream.pendingByteCount == 0 })
      loop.turns(5)
      site.reset(server)
      loop.turns(5)
      client.stream.resumeReading()
      loop.run(until: { client.hasEnded })
      #expect(client.bytes.suffix(1) == [7])
      client.stream.close()
      loop.run(until: { site.endCount == 1 })
    }
  }

  @Test func aSlowSideSlowsTheOtherOneDown() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop)
      client.stream.pauseReading()
      server.send([UInt8](repeating: 1, count: 48 << 20))
      var before = -1
      while server.stream.pendingByteCount != before {
        before = server.stream.pendingByteCount
        loop.turns(20)
      }
      #expect(before > 0)
      client.stream.resumeReading()
      loop.run(until: { client.bytes.count >= 48 << 20 })
    }
  }

  @Test(arguments: [
    "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 101 S\r\nUpgrade: raw, websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 101 S\r\nUpgrade: raw\r\n\r\n", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.0 101 S\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n",
  ])
  func switchesToNothingThatWasNotOffered(answer: String) async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(asks)
      site.received()
      site.peers[0].send(answer + "payload")
      #expect(site.answer(to: client, until: "failed").hasPrefix("HTTP/1.1 502 "))
      #expect(site.failures == [.unexpectedUpgrade])
      loop.run(until: { site.peers[0].hasEnded })
    }
  }

  @Test func aRefusedUpgradeIsAResponse() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(asks)
      site.received()
      site.peers[0].send(okay("no"))
      #expect(site.answer(to: client, until: "no") == okay("no"))
      client.send(request("GET /next"))
      site.received()
    }
  }

  @Test(arguments: ["h2c", "H2C, websocket", "h2c-14"])
  func h2cIsNotPassedOn(offered: String) async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(
        request(
          "GET /", "Connection: Upgrade, HTTP2-Settings", "Upgrade: \(offered)",
          "HTTP2-Settings: AAMAAABkAAQAAP__"))
      #expect(site.received() == "GET / HTTP/1.1\r\nHost: inside\r\n\r\n")
    }
  }

  @Test func anUpgradeWithABodyIsNone() async throws {
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(
        request("POST /", "Connection: Upgrade", "Upgrade: raw", "Content-Length: 1") + "x")
      #expect(
        site.received(until: "x") == "POST / HTTP/1.1\r\nHost: inside\r\nContent-Length: 1\r\n\r\nx"
      )
    }
  }

  @Test func aSilentPairIsGivenUp() async throws {
    var limits = UpstreamLimits()
    limits.spliceIdleMs = 30
    limits.sweepMs = 5
    try await ProxySite.with(limits: limits) { site, loop in
      let (client, server) = try spliced(site, loop)
      loop.run(until: { client.hasEnded && server.hasEnded })
    }
  }

  @Test func theEndOfThePoolEndsPairs() async throws {
    try await ProxySite.with { site, loop in
      let (client, server) = try spliced(site, loop)
      site.pool.close()
      loop.run(until: { client.hasEnded && server.hasEnded })
    }
  }
}
