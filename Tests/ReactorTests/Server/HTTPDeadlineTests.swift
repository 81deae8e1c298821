import Glibc
import Reactor
import TestSupport
import Testing

/// Deadlines are shortened; what must not happen before one is shown by state, not by waiting.
@Suite struct HTTPDeadlineTests {
  private func limits(_ change: (inout HTTPServerLimits) -> Void) -> HTTPServerLimits {
    var limits = HTTPServerLimits()
    limits.sweepMs = 5
    change(&limits)
    return limits
  }

  @Test func aSlowHeadIsAnswered408() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.headMs = 30 }) { $0.answer("x") }
      let client = try site.connect()
      client.send("GET / HTT")
      loop.run(until: { client.hasEnded })
      #expect(client.text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
      #expect(client.text.contains("Connection: close\r\n"))
      site.close()
    }
  }

  @Test func drippingBytesDoesNotPutTheHeadsDeadlineOff() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.headMs = 50 }) { $0.answer("x") }
      let client = try site.connect()
      client.send("GET / HTTP/1.1\r\nX: ")
      let drip = loop.every(ms: 5) { client.send("a") }
      loop.run(until: { client.hasEnded })
      drip.cancel()
      #expect(client.text.hasPrefix("HTTP/1.1 408 "))
      site.close()
    }
  }

  @Test func aConnectionThatNeverAsksIsClosedSilently() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.headMs = 20 }) { $0.answer("x") }
      let client = try site.connect()
      loop.run(until: { client.hasEnded })
      #expect(client.bytes.isEmpty)
      site.close()
    }
  }

  @Test func anIdleConnectionIsClosedSilently() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.idleMs = 20 }) { $0.answer("x") }
      let client = try site.connect()
      client.send(request("GET /"))
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("x"))
      site.close()
    }
  }

  @Test func aRequestBetweenPutsTheIdleDeadlineOff() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.idleMs = 400 }) { $0.answer("x") }
      let client = try site.connect()
      let start = loop.nowMs
      while loop.nowMs < start + 600 {
        var isDue = false
        loop.after(ms: 50) { isDue = true }
        loop.run(until: { isDue })
        #expect(site.ask(client, request("GET /"), until: "x") == okay("x"))
      }
      site.close()
    }
  }

  @Test func aSlowHandlerHasAllTheTimeItWants() async throws {
    try await withLoop { loop in
      let short = limits {
        $0.headMs = 10
        $0.idleMs = 10
        $0.bodyStallMs = 10
        $0.writeStallMs = 10
      }
      let site = try HTTPSite(loop: loop, limits: short) { exchange in
        loop.after(ms: 100) { exchange.answer("slow") }
      }
      let client = try site.connect()
      let answer = site.ask(client, request("GET /", "Connection: close"), until: "slow")
      #expect(answer == okay("slow", "Connection: close"))
      site.close()
    }
  }

  @Test func aBodyThatStallsIsAnswered408() async throws {
    try await withLoop { loop in
      var result: Result<[UInt8], HTTPBodyError>?
      let site = try HTTPSite(loop: loop, limits: limits { $0.bodyStallMs = 30 }) { exchange in
        exchange.readBody(maxBytes: 100) { result = $0 }
      }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 10") + "abc")
      loop.run(until: { client.hasEnded })
      #expect(result == .failure(.timedOut))
      #expect(client.text.hasPrefix("HTTP/1.1 408 "))
      site.close()
    }
  }

  @Test func aPeerThatDoesNotReadItsResponseIsCutOff() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.writeStallMs = 30 }) {
        $0.respond(200, body: [UInt8](repeating: 1, count: 16_000_000))
      }
      let client = try site.connect()
      client.stream.pauseReading()
      client.send(request("GET /"))
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }

  @Test func aSlowReaderGetsItsWholeResponseWhateverTheIdleLimit() async throws {
    try await withLoop { loop in
      let size = 16_000_000
      let short = limits {
        $0.idleMs = 20
        $0.lingerMs = 20
      }
      for field in ["Connection: keep-alive", "Connection: close"] {
        let site = try HTTPSite(loop: loop, limits: short) {
          $0.respond(200, body: [UInt8](repeating: 1, count: size))
        }
        let client = try site.connect()
        client.stream.pauseReading()
        client.send(request("GET /", field))
        var isLate = false
        loop.after(ms: 200) { isLate = true }
        loop.run(until: { isLate })
        client.stream.resumeReading()
        loop.run(until: { client.hasEnded || client.isClosed })
        #expect(client.bytes.count > size, "\(field)")
        site.close()
      }
    }
  }

  @Test func aPeerThatLingersIsClosed() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop, limits: limits { $0.lingerMs = 20 }) { $0.answer("x") }
      let client = try site.connect()
      client.send(request("GET /", "Connection: close"))
      loop.run(until: { client.hasEnded })
      // The client keeps its side open.
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }
}
