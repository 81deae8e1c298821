import TestSupport
import Testing

@testable import Reactor
@testable import ReactorTLS

@Suite struct HTTPClientTimeoutTests {
  private func request(
    _ body: HTTPClientRequest.Body = .bytes([]), _ change: (inout HTTPClientTimeouts) -> Void
  ) -> HTTPClientRequest {
    var request = HTTPClientRequest.post(body)
    change(&request.timeouts)
    return request
  }

  @Test func aConnectionThatDoesNotComeIsAnError() async throws {
    try await withLoop { loop in
      // A TLS handshake that nobody answers: the stream is connecting as long as it lasts.
      let (near, far) = try SocketStream.pair(loop: loop)
      let peer = StreamProbe(far)
      let stream = TLSStream(over: near, try TLSFixture.shared.client(), serverName: "localhost")
      var answer: HTTPClientSite.Answer?
      request { $0.connectMs = 20 }.send(over: stream) { answer = $0 }
      loop.run(until: { answer != nil })
      #expect(throws: HTTPClientError.timedOut(.connect)) { try #require(answer).get() }
      close(peer, on: loop)
      loop.run(until: { near.delegate == nil })
    }
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 102 Processing\r\n\r\n"])
  func aHeadThatDoesNotComeIsAnError(text: String) async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask(request { $0.headMs = 20 })
      site.request(on: 0).send(text)
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latestError == .timedOut(.head))
    }
  }

  @Test func aHeadThatComesByDripsHasNoMoreTime() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask(request { $0.headMs = 60 })
      let peer = site.request(on: 0)
      let drip = loop.every(ms: 3) { peer.send("HTTP/1.1 102 Processing\r\n\r\n") }
      loop.run(until: { site.answers.count == 1 })
      drip.cancel()
      #expect([.timedOut(.head), .tooManyInterimResponses].contains(site.latestError))
    }
  }

  @Test func theHeadsTimeBeginsWithTheRequestsEnd() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(request(.stream(length: nil)) { $0.headMs = 20 })
      site.pool.start(probe.exchange, to: "a")
      site.request(on: 0)
      let then = loop.nowMs
      loop.run(until: { loop.nowMs > then + 50 })
      #expect(!probe.isOver)
      probe.exchange.endBody()
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [.timedOut(.head)])
    }
  }

  @Test func aBodyThatStallsIsAnErrorAndOneThatIsNotWantedIsNot() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(request { $0.bodyIdleMs = 20 })
      probe.onHead = { [unowned probe] in probe.exchange.pauseReading() }
      site.pool.start(probe.exchange, to: "a")
      site.request(on: 0).send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
      loop.run(until: { probe.head != nil })
      let then = loop.nowMs
      loop.run(until: { loop.nowMs > then + 50 })
      #expect(!probe.isOver)
      probe.exchange.resumeReading()
      loop.run(until: { probe.isOver })
      #expect(probe.text == "begun" && probe.errors == [.timedOut(.bodyIdle)])
    }
  }

  @Test func aRequestThatThePeerDoesNotTakeIsAnError() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask(request(.bytes([UInt8](repeating: 1, count: 32 << 20))) { $0.bodyIdleMs = 30 })
      loop.run(until: { !site.peers.isEmpty })
      site.peers[0].stream.pauseReading()
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latestError == .timedOut(.bodyIdle))
    }
  }

  @Test func theWholeHasALimitOfItsOwn() async throws {
    try await HTTPClientSite.with { site, loop in
      site.ask(request { $0.wholeMs = 50 })
      let peer = site.request(on: 0)
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
      let drip = loop.every(ms: 2) { peer.send("x") }
      loop.run(until: { site.answers.count == 1 })
      drip.cancel()
      #expect(site.latestError == .timedOut(.whole))
    }
  }

  // MARK: The clock by itself

  @Test func theClockTellsTheNearestDeadline() {
    var timeouts = HTTPClientTimeouts()
    (timeouts.connectMs, timeouts.headMs, timeouts.bodyIdleMs) = (5, 10, 30)
    var clock = HTTPClientClock(timeouts, nowMs: 100)
    #expect(clock.deadline(.connect) == (105, .connect))
    #expect(clock.deadline(.us).atMs == .max)
    clock.didProgress(nowMs: 103)
    #expect(clock.deadline(.connect) == (105, .connect))
    #expect(clock.deadline(.head) == (113, .head))
    #expect(clock.deadline(.body) == (133, .bodyIdle))
    clock.noteTaken(10, nowMs: 110)
    #expect(clock.deadline(.requestTaken) == (140, .bodyIdle))
    clock.noteTaken(10, nowMs: 120)
    #expect(clock.deadline(.requestTaken) == (140, .bodyIdle))
    timeouts.wholeMs = 20
    let bounded = HTTPClientClock(timeouts, nowMs: 100)
    #expect(bounded.deadline(.us) == (120, .whole))
    #expect(bounded.deadline(.head) == (110, .head))
    let only = HTTPClientClock(HTTPClientTimeouts(wholeMs: .max), nowMs: 100)
    #expect(only.deadline(.connect).atMs == .max)
  }
}
