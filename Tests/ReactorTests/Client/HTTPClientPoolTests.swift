import Reactor
import TestSupport
import Testing

@Suite struct HTTPClientPoolTests {
  /// Lets so many requests run at once, then answers them in order.
  private func run(_ count: Int, _ site: HTTPClientSite, to destination: String = "a") {
    let before = site.answers.count
    let first = site.dialed.count
    for _ in 0..<count { site.ask(to: destination) }
    for index in first..<first + count { site.request(on: index).send(okay("\(index)")) }
    site.loop.run(until: { site.answers.count == before + count })
  }

  @Test func theLatestIdleConnectionIsUsedFirst() async throws {
    try await HTTPClientSite.with { site, _ in
      run(3, site)
      #expect(site.pool.idleCount == 3)
      site.serve(okay("again"), on: 2)
      site.serve(okay("again"), on: 2)
      #expect(site.latest == "again" && site.dialed.count == 3)
    }
  }

  @Test func destinationsShareNothing() async throws {
    try await HTTPClientSite.with { site, _ in
      site.serve(on: 0, to: "a")
      site.serve(on: 1, to: "b")
      site.serve(on: 0, to: "a")
      #expect(site.pool.idleCount == 2)
    }
  }

  @Test func noMoreIdleOnesAreKeptThanTheLimits() async throws {
    var limits = HTTPClientLimits()
    limits.maxIdlePerDestination = 2
    limits.maxIdle = 3
    try await HTTPClientSite.with(limits: limits) { site, loop in
      run(4, site, to: "a")
      loop.run(until: { site.pool.connectionCount == 2 })
      let then = loop.nowMs
      loop.run(until: { loop.nowMs > then + 1 })  // a's are older from here on
      run(2, site, to: "b")
      loop.run(until: { site.pool.connectionCount == 3 })
      #expect(site.pool.idleCount == 3)
      loop.run(until: { site.peers.count(where: { $0.hasEnded || $0.isClosed }) == 3 })
      #expect(site.peers[4...].allSatisfy { !$0.hasEnded })
    }
  }

  @Test func whatIsIdleForTooLongIsClosed() async throws {
    var limits = HTTPClientLimits()
    limits.idleMs = 20
    limits.sweepMs = 5
    try await HTTPClientSite.with(limits: limits) { site, loop in
      run(2, site)
      #expect(site.pool.idleCount == 2)
      loop.run(until: { site.pool.connectionCount == 0 })
      site.serve(okay("fresh"), on: 2)
      #expect(site.latest == "fresh")
    }
  }

  @Test func aDroppedDestinationKeepsNothing() async throws {
    try await HTTPClientSite.with { site, loop in
      run(2, site, to: "a")
      site.serve(on: 2, to: "b")
      site.ask(to: "a")
      let peer = site.request(on: 1)
      site.pool.drop("a")
      #expect(site.pool.idleCount == 1)  // b's
      peer.send(okay("the last"))
      loop.run(until: { site.answers.count == 4 && site.pool.connectionCount == 1 })
      #expect(site.latest == "the last" && site.pool.idleCount == 1)
    }
  }

  @Test func aClosedPoolKeepsNothing() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask()
      let peer = site.request(on: 0)
      site.pool.close()
      peer.send(okay("the last"))
      loop.run(until: { site.pool.connectionCount == 0 })
      #expect(site.latest == "the last")
    }
  }

  @Test func aDestinationThatCanNotBeReachedIsAnError() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask(to: "nowhere")
      #expect(site.answers.isEmpty)
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latestError == .unreachable("there is no such place"))
      let cancelled = ExchangeProbe()
      site.pool.start(cancelled.exchange, to: "nowhere")
      cancelled.exchange.cancel()
      loop.turns(5)
      #expect(!cancelled.isOver)
    }
  }

  // MARK: Requests that are lost

  private static func request(_ method: HTTPMethod) -> HTTPClientRequest {
    var request = HTTPClientRequest.get
    request.method = method
    return request
  }

  @Test(arguments: [false, true], [HTTPMethod.get, .put, .delete])
  func aRequestLostWithAnIdleConnectionIsSentOnceMore(
    isReset: Bool, method: HTTPMethod
  ) async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      site.ask(Self.request(method))
      let peer = site.request(on: 0)
      if isReset { site.reset(peer) } else { peer.stream.close() }
      site.request(on: 1).send(okay("on a fresh one"))
      loop.run(until: { site.answers.count == 2 })
      #expect(site.latest == "on a fresh one" && site.dialed.count == 2)
    }
  }

  @Test func aRequestIsSentOnceMoreAndNotTwice() async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      site.ask()
      site.request(on: 0).stream.close()
      site.request(on: 1).stream.close()
      loop.run(until: { site.answers.count == 2 })
      #expect(site.latestError == .closed && site.dialed.count == 2)
    }
  }

  @Test(arguments: [
    HTTPClientRequest.post(.bytes([1, 2, 3])), HTTPClientRequest.post(.stream(length: nil)),
  ])
  func aRequestThatMayNotBeRepeatedIsLost(request: HTTPClientRequest) async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      site.ask(request)
      site.request(on: 0).stream.close()
      loop.run(until: { site.answers.count == 2 })
      #expect(site.latestError == .closed && site.dialed.count == 1)
    }
  }

  @Test func aRequestThatWasAnsweredByAByteIsNotRepeated() async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      site.ask()
      let peer = site.request(on: 0)
      peer.send("H")
      peer.stream.endWriting()
      loop.run(until: { site.answers.count == 2 })
      #expect(site.latestError == .closed && site.dialed.count == 1)
    }
  }

  @Test func aRequestLostOnAFreshConnectionIsNotRepeated() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask()
      site.request(on: 0).stream.close()
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latestError == .closed && site.dialed.count == 1)
    }
  }

  @Test func aRequestThatTimesOutIsNotRepeated() async throws {
    try await HTTPClientSite.with { site, loop in
      site.serve(on: 0)
      var request = HTTPClientRequest.get
      request.timeouts.headMs = 20
      site.ask(request)
      loop.run(until: { site.answers.count == 2 })
      #expect(site.latestError == .timedOut(.head) && site.dialed.count == 1)
    }
  }
}
