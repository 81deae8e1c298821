import Reactor
import TestSupport
import Testing

/// An answer that is cut at every byte, by the end of the connection and by a reset.
@Suite struct HTTPClientFaultTests {
  private static let answers = [
    okay("hello", "X-Test: 1"),
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: t\r\n\r\n",
  ]

  @Test(arguments: answers, [false, true])
  func anAnswerCutAtAnyByteIsAnErrorOnce(answer: String, isReset: Bool) async throws {
    try await HTTPClientSite.with { site, loop in
      let bytes = Array(answer.utf8)
      for count in 0..<bytes.count {
        let probe = ExchangeProbe()
        site.pool.start(probe.exchange, to: "a")
        let peer = site.request(on: count)
        peer.send(Array(bytes[..<count]))
        if isReset { site.reset(peer) } else { peer.stream.endWriting() }
        loop.run(until: { probe.isOver && site.pool.connectionCount == 0 })
        loop.turn()
        #expect(probe.errors.count == 1 && "hello".hasPrefix(probe.text))
        switch probe.errors[0] {
        case .closed: break
        case .stream(.read(.connectionReset)): #expect(isReset)
        default: Issue.record("after \(count) bytes: \(String(describing: probe.errors[0]))")
        }
      }
    }
  }

  @Test(arguments: answers)
  func anAnswerThatComesByteByByteIsTheSame(answer: String) async throws {
    try await HTTPClientSite.with { site, loop in
      for _ in 0..<2 {
        let probe = ExchangeProbe()
        site.pool.start(probe.exchange, to: "a")
        site.request(on: 0).drip(answer)
        loop.run(until: { probe.isOver })
        #expect(probe.text == "hello" && probe.errors == [nil] && site.pool.idleCount == 1)
      }
    }
  }

  /// The same on connections that were idle: a cut before the first byte is made good by a fresh
  /// one, any later one is an error.
  @Test(arguments: [false, true])
  func anAnswerCutOnAUsedConnectionIsAnErrorUnlessNothingCame(isReset: Bool) async throws {
    try await HTTPClientSite.with { site, loop in
      let bytes = Array(Self.answers[0].utf8)
      for count in 0..<bytes.count {
        let first = site.dialed.count
        site.serve(okay("warm"), on: first)
        site.ask()
        let peer = site.request(on: first)
        peer.send(Array(bytes[..<count]))
        if isReset { site.reset(peer) } else { peer.stream.endWriting() }
        let answered = site.answers.count + 1
        if count == 0 { site.request(on: first + 1).send(okay("fresh", "Connection: close")) }
        loop.run(until: { site.answers.count == answered && site.pool.connectionCount == 0 })
        #expect((site.latestError == nil) == (count == 0))
        #expect(site.dialed.count == first + (count == 0 ? 2 : 1))
      }
    }
  }
}
