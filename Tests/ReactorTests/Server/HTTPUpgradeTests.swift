import Reactor
import TestSupport
import Testing

@Suite struct HTTPUpgradeTests {
  private let upgrade = request("GET /", "Connection: Upgrade", "Upgrade: raw")

  @Test(arguments: [false, true])
  func handsOverWhatCameBehindTheRequest(isDripped: Bool) async throws {
    try await withLoop { loop in
      var received: [UInt8] = []
      var taken: (upgrade: HTTPUpgrade, probe: StreamProbe)?
      let site = try HTTPSite(loop: loop) { exchange in
        guard let upgrade = exchange.upgrade([HTTPField(fixed: "Upgrade", "raw")]) else { return }
        upgrade.leftover.withReadable { received += $0 }
        taken = (upgrade, StreamProbe(upgrade.stream))
      }
      let client = try site.connect()
      if isDripped { client.drip(upgrade + "first") } else { client.send(upgrade + "first") }
      loop.run(until: { taken != nil })
      client.send(" second")
      let server = try #require(taken?.probe)
      loop.run(until: { (received + server.bytes).count == 12 })
      #expect(String(decoding: received + server.bytes, as: UTF8.self) == "first second")
      server.send("answer")
      loop.run(until: { client.text.hasSuffix("answer") })
      #expect(
        withoutDate(client.bytes)
          == response("101 Switching Protocols", ["Upgrade: raw"], "answer"))
      #expect(site.server.connectionCount == 1, "it counts until its owner says that it closed")
      close(server, on: loop)
      #expect(site.server.connectionCount == 1)
      taken?.upgrade.didClose()
      taken?.upgrade.didClose()
      #expect(site.server.connectionCount == 0)
      taken = nil
      site.close()
    }
  }

  @Test func mayComeLaterAndAfterOtherRequests() async throws {
    try await withLoop { loop in
      var taken: (leftover: String, stream: StreamProbe, didClose: () -> Void)?
      let site = try HTTPSite(loop: loop) { exchange in
        if exchange.head.upgradeProtocols.isEmpty { return exchange.answer("plain") }
        loop.after(ms: 5) {
          guard let upgrade = exchange.upgrade([]) else {
            Issue.record("gone")
            return
          }
          let leftover = upgrade.leftover.withReadable { String(decoding: $0, as: UTF8.self) }
          taken = (leftover, StreamProbe(upgrade.stream), upgrade.didClose)
        }
      }
      let client = try site.connect()
      client.send(request("GET /") + upgrade + "GET /ignored HTTP/1.1\r\n\r\n")
      loop.run(until: { taken != nil })
      #expect(taken?.leftover == "GET /ignored HTTP/1.1\r\n\r\n")
      close(try #require(taken?.stream), on: loop)
      taken?.didClose()
      taken = nil
      site.close()
    }
  }

  @Test func isNoMoreThereForAClientThatIsGoneOrARequestWithABody() async throws {
    try await withLoop { loop in
      var exchanges: [HTTPExchange] = []
      let site = try HTTPSite(loop: loop) { exchanges.append($0) }
      let gone = try site.connect()
      gone.send(upgrade)
      loop.run(until: { exchanges.count == 1 })
      exchanges[0].abort()
      #expect(exchanges[0].upgrade([]) == nil)
      loop.run(until: { site.server.connectionCount == 0 })
      let withBody = try site.connect()
      withBody.send(
        request("GET /", "Connection: Upgrade", "Upgrade: raw", "Content-Length: 2") + "ab")
      loop.run(until: { exchanges.count == 2 })
      #expect(exchanges.last?.upgrade([]) == nil)
      exchanges.last?.answer("no", status: 400)
      exchanges = []
      site.close()
    }
  }

  @Test func tellsOfAClientThatHasEndedItsDirectionMeanwhile() async throws {
    try await withLoop { loop in
      var kept: HTTPExchange?
      let site = try HTTPSite(loop: loop) { kept = $0 }
      let client = try site.connect()
      client.send(upgrade)
      client.stream.endWriting()
      loop.run(until: { kept?.hasDisconnected == true })
      // The stream has told so once, and will not again.
      let taken = try #require(kept?.upgrade([]))
      kept = nil
      #expect(taken.peerHasEnded)
      close(StreamProbe(taken.stream), on: loop)
      taken.didClose()
      site.close()
    }
  }

  @Test func mayCountForMoreThanOneAgainstTheLimit() async throws {
    try await withLoop { loop in
      var limits = HTTPServerLimits()
      limits.maxConnections = 3
      limits.upgradedWeight = 2
      var taken: (stream: StreamProbe, didClose: () -> Void)?
      let site = try HTTPSite(loop: loop, limits: limits) { exchange in
        guard let upgrade = exchange.upgrade([]) else { return exchange.answer("x") }
        taken = (StreamProbe(upgrade.stream), upgrade.didClose)
      }
      let clients = try (0..<2).map { _ in try site.connect() }
      clients[0].send(upgrade)
      loop.run(until: { taken != nil })
      let waiting = try site.dial()
      waiting.send(request("GET /", "Content-Length: 0"))
      loop.run(until: { waiting.isConnected })
      loop.turns(20)
      #expect(site.server.connectionCount == 2)
      close(try #require(taken?.stream), on: loop)
      taken?.didClose()
      loop.run(until: { site.server.connectionCount == 2 })
      taken = nil
      site.close()
    }
  }

  @Test func serverCloseWaitsForUpgradedConnections() async throws {
    try await withLoop { loop in
      var taken: (stream: StreamProbe, didClose: () -> Void)?
      let site = try HTTPSite(loop: loop) { exchange in
        guard let upgrade = exchange.upgrade([]) else { return }
        taken = (StreamProbe(upgrade.stream), upgrade.didClose)
      }
      let client = try site.connect()
      client.send(upgrade)
      loop.run(until: { taken != nil })
      var isDrained = false
      site.server.close { isDrained = true }
      loop.turns(5)
      #expect(!isDrained)
      close(try #require(taken?.stream), on: loop)
      taken?.didClose()
      #expect(isDrained)
      taken = nil
      site.close()
    }
  }
}
