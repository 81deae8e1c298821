import Reactor
import TestSupport
import Testing

@Suite struct HTTPRequestBodyTests {
  @Test func streamsPiecesAndTheEnd() async throws {
    try await withLoop { loop in
      var log: [String] = []
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.readBody { piece in
          log.append(String(decoding: piece, as: UTF8.self))
        } onEnd: { error in
          log.append(error == nil ? "end" : "\(error!)")
          exchange.answer("done")
        }
      }
      let client = try site.connect()
      client.send(request("PUT /", "Content-Length: 10"))
      for piece in ["abc", "defg", "hij"] {
        let count = log.count
        client.send(piece)
        loop.run(until: { log.count > count })
      }
      loop.run(until: { client.text.hasSuffix("done") })
      #expect(log == ["abc", "defg", "hij", "end"])
      site.close()
    }
  }

  @Test func aBodyThatIsNotThereEndsAtOnce() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo() }
      let client = try site.connect()
      #expect(site.ask(client, request("GET /"), until: "\r\n\r\n") == okay(""))
      let empty = request("POST /", "Content-Length: 0", "Expect: 100-continue")
      #expect(site.ask(client, empty, until: "\r\n\r\n") == okay(""))
      site.close()
    }
  }

  @Test func sendsContinueWhenTheBodyIsWanted() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        loop.after(ms: 1) { exchange.echo() }
      }
      let client = try site.connect()
      let head = request("POST /", "Content-Length: 4", "Expect: 100-continue")
      #expect(site.ask(client, head, until: "\r\n\r\n") == response("100 Continue"))
      #expect(site.ask(client, "body", until: "body") == okay("body"))
      #expect(
        site.ask(client, head + "body", until: "body") == response("100 Continue") + okay("body"))
      site.close()
    }
  }

  @Test func aRefusalInsteadOfContinueEndsTheConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer("no", status: 403) }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 4", "Expect: 100-continue"))
      loop.run(until: { client.hasEnded })
      #expect(
        withoutDate(client.bytes)
          == response("403 Forbidden", ["Content-Length: 2", "Connection: close"], "no"))
      site.close()
    }
  }

  @Test(arguments: [
    ("Content-Length: 200000", [UInt8](repeating: 0x61, count: 200_000)),
    (
      "Transfer-Encoding: chunked",
      Array("20000\r\n".utf8) + [UInt8](repeating: 0x61, count: 0x20000)
    ),
  ])
  func aBodyThatIsTooLargeIsRefusedAndTheConnectionClosed(
    framing: String, body: [UInt8]
  ) async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo(maxBytes: 1000) }
      let client = try site.connect()
      client.send(request("POST /", framing))
      client.send(body)
      loop.run(until: { client.hasEnded })
      #expect(
        withoutDate(client.bytes)
          == response(
            "413 Content Too Large", ["Content-Length: 9", "Connection: close"], "too large"))
      site.close()
    }
  }

  @Test func aSmallUnreadBodyIsDroppedToKeepTheConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer("early") }
      let client = try site.connect()
      let answer = site.ask(client, request("POST /", "Content-Length: 1000"), until: "early")
      #expect(answer == okay("early"))
      client.send([UInt8](repeating: 0x47, count: 1000))
      #expect(site.ask(client, request("GET /"), until: "early") == okay("early"))
      #expect(site.server.connectionCount == 1)
      site.close()
    }
  }

  @Test func anAnswerInTheMiddleOfTheBodyKeepsTheFraming() async throws {
    try await withLoop { loop in
      var pieces = 0
      let site = try HTTPSite(loop: loop) { exchange in
        if exchange.head.method == .get { return exchange.answer("next") }
        exchange.readBody { _ in
          pieces += 1
          exchange.answer("enough")
        } onEnd: { _ in
        }
      }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 6") + "abc")
      loop.run(until: { client.text.hasSuffix("enough") })
      client.send("def" + request("GET /"))
      loop.run(until: { client.text.hasSuffix("next") })
      #expect(withoutDate(client.bytes) == okay("enough") + okay("next"))
      site.close()
    }
  }

  @Test func aBodyNobodyHasAskedForYetStopsTheReading() async throws {
    try await withLoop { loop in
      var waiting: HTTPExchange?
      let site = try HTTPSite(loop: loop) { waiting = $0 }
      let client = try site.connect()
      let body = [UInt8](repeating: 5, count: 16_000_000)
      client.send(request("POST /", "Content-Length: \(body.count)"))
      client.send(body)
      loop.run(until: { waiting != nil })
      loop.turns(200)
      #expect(client.stream.pendingByteCount > 4_000_000, "the kernel and the server hold the rest")
      var received: [UInt8] = []
      waiting?.readBody {
        received += $0
      } onEnd: { _ in
        waiting?.answer("read")
      }
      loop.run(until: { client.text.hasSuffix("read") })
      #expect(received == body)
      waiting = nil
      site.close()
    }
  }

  @Test func pausingTheBodyStopsThePeer() async throws {
    try await withLoop { loop in
      var exchange: HTTPExchange?
      var received = 0
      let site = try HTTPSite(loop: loop) {
        exchange = $0
        $0.readBody { piece in
          received += piece.count
          exchange?.pauseBody()
        } onEnd: { _ in
          exchange?.answer("read")
        }
      }
      let client = try site.connect()
      client.send(request("POST /", "Content-Length: 1000000"))
      client.send([UInt8](repeating: 1, count: 1_000_000))
      loop.run(until: { received > 0 })
      loop.turns(50)
      #expect(received <= StreamLimits.readBytes)
      while received < 1_000_000 {
        let before = received
        exchange?.resumeBody()
        loop.run(until: { received > before })
      }
      loop.run(until: { client.text.hasSuffix("read") })
      exchange = nil
      site.close()
    }
  }

  @Test(arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"])
  func aBodyCutOffIsReportedAsDisconnected(framing: String) async throws {
    try await withLoop { loop in
      var log: [String] = []
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.onDisconnect = { log.append("gone") }
        exchange.onFinish = { status, _ in log.append("status \(status)") }
        exchange.readBody(maxBytes: 100) { log.append("\($0)") }
      }
      let client = try site.connect()
      client.send(request("POST /", framing) + "4\r\nab")
      loop.turns(5)
      client.stream.endWriting()
      loop.run(until: { site.server.connectionCount == 0 })
      #expect(
        log == ["\(Result<[UInt8], HTTPBodyError>.failure(.disconnected))", "gone", "status 0"])
      site.close()
    }
  }

  @Test func aMalformedChunkIsReportedAndRefused() async throws {
    try await withLoop { loop in
      var failure: HTTPBodyError?
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.readBody(maxBytes: 100) {
          if case .failure(let error) = $0 { failure = error }
        }
      }
      let client = try site.connect()
      client.send(request("POST /", "Transfer-Encoding: chunked") + "3\r\nabcXX")
      loop.run(until: { client.hasEnded })
      #expect(failure == .malformed(.invalidChunkEnd))
      #expect(client.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
      #expect(client.text.contains("Connection: close\r\n"))
      site.close()
    }
  }
}
