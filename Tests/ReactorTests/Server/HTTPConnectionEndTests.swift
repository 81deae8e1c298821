import Reactor
import TestSupport
import Testing

@Suite struct HTTPConnectionEndTests {
  @Test func malformedRequestsAreRefusedThroughTheServersOwnAnswer() async throws {
    let cases: [(String, Int)] = [
      ("GET /\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505),
      ("get / HTTP/1.1\nHost: x\n\n", 400), ("\u{16}\u{3}\u{1}", 400),
      (request("POST /", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
      (request("GET /", "Expect: magic"), 417),
      (request("GET /" + String(repeating: "a", count: 9000)), 414),
      (request("GET /", "X: " + String(repeating: "a", count: 40_000)), 431),
    ]
    try await withLoop { loop in
      for (text, status) in cases {
        var refused: [Int] = []
        let site = try HTTPSite(
          loop: loop,
          refusal: { status, reason in
            refused.append(status)
            return HTTPAnswer(status: status, fields: [], body: Array("{\(reason)}".utf8))
          },
          handler: { _ in Issue.record("handled") })
        let client = try site.connect()
        client.send(text)
        loop.run(until: { client.hasEnded })
        #expect(refused == [status])
        #expect(client.text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(client.text.contains("Connection: close\r\n"))
        #expect(client.text.hasSuffix("}"))
        site.close()
      }
    }
  }

  @Test func whatFollowsARefusedRequestIsDropped() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer("first") }
      let client = try site.connect()
      client.send(request("GET /") + "nonsense\r\n\r\n" + request("GET /"))
      loop.run(until: { client.hasEnded })
      let text = withoutDate(client.bytes)
      #expect(text.hasPrefix(okay("first") + "HTTP/1.1 400 "))
      #expect(text.split(separator: "HTTP/1.1").count == 2)
      site.close()
    }
  }

  @Test func aDisconnectIsReportedToWhoIsStillWorking() async throws {
    try await withLoop { loop in
      var exchange: HTTPExchange?
      var log: [String] = []
      let site = try HTTPSite(loop: loop) {
        exchange = $0
        $0.onDisconnect = { log.append("gone") }
        $0.onFinish = { status, _ in log.append("status \(status)") }
      }
      let client = try site.connect()
      client.send(request("GET /"))
      loop.run(until: { exchange != nil })
      client.stream.close()
      loop.run(until: { !log.isEmpty })
      #expect(log == ["gone"])
      exchange?.answer("into the void")
      loop.run(until: { site.server.connectionCount == 0 })
      #expect(log == ["gone", "status 200"])
      #expect(exchange?.isGone == true)
      exchange = nil
      site.close()
    }
  }

  @Test func anAbortedExchangeClosesWithoutAnswer() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.abort() }
      let client = try site.connect()
      client.send(request("GET /"))
      loop.run(until: { client.hasEnded || client.isClosed })
      #expect(client.bytes.isEmpty)
      site.close()
    }
  }

  @Test func aStreamedResponseThatEndsShortClosesTheConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.startResponse(200, length: 10)
        exchange.write("short")
        exchange.end()
      }
      let client = try site.connect()
      client.send(request("GET /") + request("GET /"))
      loop.run(until: { client.hasEnded || client.isClosed })
      #expect(withoutDate(client.bytes).split(separator: "HTTP/1.1").count <= 1)
      site.close()
    }
  }

  @Test func aStreamedResponseNeverExceedsTheLengthItTold() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.startResponse(200, length: 5)
        exchange.write("hel")
        exchange.write("lo and more")
        exchange.write("more")
        exchange.end()
      }
      let client = try site.connect()
      let answer = site.ask(client, request("GET /") + request("GET /"), until: "hello")
      #expect(answer == okay("hello") + okay("hello"))
      site.close()
    }
  }

  @Test func atTheMostConnectionsTheListenerPausesAndLaterRecovers() async throws {
    try await withLoop { loop in
      var limits = HTTPServerLimits()
      limits.maxConnections = 3
      let site = try HTTPSite(loop: loop, limits: limits) { $0.answer("x") }
      let first = try (0..<3).map { _ in try site.connect() }
      let waiting = try (0..<2).map { _ in try site.dial() }
      for client in waiting { client.send(request("GET /")) }
      loop.run(until: { waiting.allSatisfy { $0.isConnected } })
      loop.turns(20)
      #expect(site.server.connectionCount == 3)
      #expect(waiting.allSatisfy { $0.bytes.isEmpty })
      first[0].stream.close()
      loop.run(until: { waiting.contains { $0.text.hasSuffix("x") } })
      #expect(site.server.connectionCount == 3)
      first[1].stream.close()
      loop.run(until: { waiting.allSatisfy { $0.text.hasSuffix("x") } })
      site.close()
    }
  }

  @Test func closeLetsTheOthersFinishAndClosesIdleOnes() async throws {
    try await withLoop { loop in
      var working: HTTPExchange?
      let site = try HTTPSite(loop: loop) {
        if $0.head.path == "/wait" { working = $0 } else { $0.answer("x") }
      }
      let (idle, busy) = (try site.connect(), try site.connect())
      #expect(site.ask(idle, request("GET /"), until: "x") == okay("x"))
      busy.send(request("GET /wait"))
      loop.run(until: { working != nil })
      var isDrained = false
      site.server.close { isDrained = true }
      loop.run(until: { idle.hasEnded })
      let late = try? site.dial()
      #expect(!isDrained)
      working?.answer("done")
      loop.run(until: { busy.hasEnded })
      #expect(withoutDate(busy.bytes) == okay("done", "Connection: close"))
      busy.stream.close()
      loop.run(until: { isDrained })
      if let late { loop.run(until: { late.isClosed }) }
      working = nil
      site.close()
    }
  }

  @Test func closeSendsWhatAFinishedResponseStillOwes() async throws {
    try await withLoop { loop in
      let size = 8_000_000
      let site = try HTTPSite(loop: loop) {
        $0.respond(200, body: [UInt8](repeating: 1, count: size))
      }
      let client = try site.connect()
      client.stream.pauseReading()
      client.send(request("GET /"))
      loop.turns(20)
      var isDrained = false
      site.server.close { isDrained = true }
      loop.turns(5)
      #expect(!isDrained)
      client.stream.resumeReading()
      loop.run(until: { client.hasEnded || client.isClosed })
      #expect(client.bytes.count > size)
      client.stream.close()
      loop.run(until: { isDrained })
      site.close()
    }
  }

  @Test func aPipelineWhoseAnswersAreNotReadIsNotAnsweredOnAndOn() async throws {
    try await withLoop { loop in
      var handled = 0
      let body = [UInt8](repeating: 1, count: 100_000)
      let site = try HTTPSite(loop: loop) {
        handled += 1
        $0.respond(200, body: body)
      }
      let client = try site.connect()
      client.stream.pauseReading()
      let count = 400
      for _ in 0..<count { client.send(request("GET /")) }
      loop.turns(100)
      #expect(handled < count / 2, "the rest waits until the peer reads")
      client.stream.resumeReading()
      loop.run(until: { client.bytes.count > count * body.count })
      #expect(handled == count)
      site.close()
    }
  }
}
