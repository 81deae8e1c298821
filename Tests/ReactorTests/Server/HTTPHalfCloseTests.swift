import Reactor
import TestSupport
import Testing

/// Clients that end their direction as soon as they have said what they want.
@Suite struct HTTPHalfCloseTests {
  @Test func aClientThatEndsItsDirectionStillGetsItsAnswer() async throws {
    try await withLoop { loop in
      for size in [10, 8_000_000] {
        for delay in [nil, 5] as [UInt64?] {
          let site = try HTTPSite(loop: loop) { exchange in
            let body = [UInt8](repeating: 0x62, count: size)
            guard let delay else { return exchange.respond(200, body: body) }
            loop.after(ms: delay) { exchange.respond(200, body: body) }
          }
          let client = try site.connect()
          client.send(request("GET /"))
          client.stream.endWriting()
          loop.run(until: { client.hasEnded || client.isClosed })
          #expect(client.bytes.count > size, "\(size) bytes, delay \(String(describing: delay))")
          loop.run(until: { site.server.connectionCount == 0 })
          site.close()
        }
      }
    }
  }

  @Test func aHeadCutOffIsAnswered400() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { _ in Issue.record("handled") }
      let client = try site.connect()
      client.send("GET / HTTP/1.1\r\n")
      client.stream.endWriting()
      loop.run(until: { client.hasEnded })
      #expect(client.text.hasPrefix("HTTP/1.1 400 "))
      site.close()
    }
  }

  @Test func anEmptyLineBehindARequestIsNoRequest() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo() }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 5") + "hello\r\n")
      client.stream.endWriting()
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("hello"))
      site.close()
    }
  }

  @Test(arguments: [
    "HEAD / HTTP/1.1\r\n\r\n", "HEAD /a\\b HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n",
  ])
  func aRefusedHEADHasNoBody(text: String) async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo() }
      let client = try site.connect()
      client.send(request("GET /") + text)
      client.stream.endWriting()
      loop.run(until: { client.hasEnded })
      let answers = client.text
      #expect(answers.contains("HTTP/1.1 400 Bad Request\r\n") && answers.hasSuffix("\r\n\r\n"))
      site.close()
    }
  }

  @Test func aBodyThatArrivedWholeBeforeTheClientsEndCanStillBeRead() async throws {
    try await withLoop { loop in
      var waiting: HTTPExchange?
      let site = try HTTPSite(loop: loop) { waiting = $0 }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 5") + "hello")
      client.stream.endWriting()
      loop.run(until: { waiting != nil })
      loop.turns(10)
      waiting?.echo()
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("hello", "Connection: close"))
      waiting = nil
      site.close()
    }
  }

  @Test func aBodyCutOffBeforeItIsAskedForIsReportedThen() async throws {
    try await withLoop { loop in
      var waiting: HTTPExchange?
      var result: Result<[UInt8], HTTPBodyError>?
      let site = try HTTPSite(loop: loop) { waiting = $0 }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 5") + "he")
      client.stream.endWriting()
      loop.run(until: { waiting != nil })
      loop.turns(10)
      waiting?.readBody(maxBytes: 100) { result = $0 }
      loop.run(until: { result != nil && site.server.connectionCount == 0 })
      #expect(result == .failure(.disconnected))
      waiting = nil
      site.close()
    }
  }

  @Test func allRequestsSentBeforeTheClientsEndAreAnswered() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        loop.after(ms: 1) { exchange.respond(200, body: Array(exchange.head.path.utf8)) }
      }
      let client = try site.connect()
      client.send(request("GET /1") + request("GET /2") + request("GET /3"))
      client.stream.endWriting()
      loop.run(until: { client.hasEnded })
      #expect(["/1", "/2", "/3"].allSatisfy { client.text.contains("\r\n\r\n" + $0) })
      site.close()
    }
  }

  @Test func aBodyNobodyReadIsDroppedAfterALateAnswerWithWhatFollowsIt() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        loop.after(ms: 1) { exchange.respond(200, body: Array(exchange.head.path.utf8)) }
      }
      let client = try site.connect()
      client.send(request("GET /1", "Content-Length: 5") + "hello" + request("GET /2") + "GET ")
      client.stream.endWriting()
      loop.run(until: { client.hasEnded })
      #expect(["/1", "/2"].allSatisfy { client.text.contains("\r\n\r\n" + $0) })
      #expect(client.text.contains("HTTP/1.1 400 "))
      site.close()
    }
  }
}
