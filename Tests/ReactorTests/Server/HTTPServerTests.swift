import Reactor
import TestSupport
import Testing

@Suite struct HTTPServerTests {
  @Test func answersOneRequestAfterTheOtherOnOneConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer($0.head.path) }
      let client = try site.connect()
      for path in ["/a", "/b", "/c"] {
        #expect(site.ask(client, request("GET \(path)"), until: path) == okay(path))
      }
      #expect(site.server.connectionCount == 1)
      site.close()
    }
  }

  @Test func tellsTheDateAndThePeer() async throws {
    try await withLoop { loop in
      var peers: [SocketAddress?] = []
      let site = try HTTPSite(loop: loop) {
        peers.append($0.peer)
        $0.answer("x")
      }
      let client = try site.connect()
      client.send(request("GET /"))
      loop.run(until: { client.text.hasSuffix("x") })
      let date = try #require(client.text.split(separator: "\r\n").first { $0.hasPrefix("Date") })
      #expect(date.utf8.count == "Date: Sun, 06 Nov 1994 08:49:37 GMT".utf8.count)
      #expect(date.hasSuffix(" GMT"))
      #expect(peers.first??.host == "127.0.0.1")
      site.close()
    }
  }

  @Test(arguments: ["Connection: close", "Connection: x, CLOSE"])
  func closesWhereTheClientWantsIt(field: String) async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer("bye") }
      let client = try site.connect()
      let answer = site.ask(client, request("GET /", field), until: "bye")
      #expect(answer == okay("bye", "Connection: close"))
      loop.run(until: { client.hasEnded })
      client.stream.close()
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }

  @Test func closesAfterTheMostRequestsOfAConnection() async throws {
    try await withLoop { loop in
      var limits = HTTPServerLimits()
      limits.maxRequestsPerConnection = 2
      let site = try HTTPSite(loop: loop, limits: limits) { $0.answer("x") }
      let client = try site.connect()
      client.send(request("GET /") + request("GET /") + request("GET /"))
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("x") + okay("x", "Connection: close"))
      site.close()
    }
  }

  @Test func answersPipelinedRequestsInOrder() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        if exchange.head.method == .post { exchange.echo() } else { exchange.answer("got") }
      }
      let client = try site.connect()
      let pipeline =
        request("GET /") + request("POST /", "Content-Length: 3") + "abc"
        + request("POST /", "Transfer-Encoding: chunked") + "2\r\nde\r\n0\r\n\r\n"
        + request("HEAD /") + request("GET /", "Connection: close")
      client.send(pipeline)
      loop.run(until: { client.hasEnded })
      #expect(
        withoutDate(client.bytes)
          == okay("got") + okay("abc") + okay("de") + response("200 OK", ["Content-Length: 3"])
          + okay("got", "Connection: close"))
      site.close()
    }
  }

  @Test func answersPipelinedRequestsInOrderWhenHandlersTakeTheirTime() async throws {
    try await withLoop { loop in
      var alive = 0
      let site = try HTTPSite(loop: loop) { exchange in
        alive += 1
        #expect(alive == 1, "one at a time")
        let path = exchange.head.path
        loop.after(ms: path == "/0" ? 20 : 0) {
          alive -= 1
          exchange.answer(path)
        }
      }
      let client = try site.connect()
      let paths = (0..<10).map { "/\($0)" }
      client.send(paths.map { request("GET \($0)") }.joined())
      let expected = paths.map { okay($0) }.joined()
      loop.run(until: { client.text.hasSuffix("/9") })
      #expect(withoutDate(client.bytes) == expected)
      site.close()
    }
  }

  @Test func readsEveryByteByItself() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        if exchange.head.method == .post { exchange.echo() } else { exchange.answer("got") }
      }
      let client = try site.connect()
      client.drip(
        request("GET /") + request("POST /", "Content-Length: 5") + "hello"
          + request("POST /", "Transfer-Encoding: chunked")
          + "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
          + request("GET /", "Connection: close"))
      loop.run(until: { client.hasEnded })
      #expect(
        withoutDate(client.bytes)
          == okay("got") + okay("hello") + okay("abc0123456789")
          + okay("got", "Connection: close"))
      site.close()
    }
  }

  @Test func leavesTheBodyOutForHEAD() async throws {
    try await withLoop { loop in
      var reported: [Int] = []
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.onFinish = { reported.append($1) }
        if exchange.head.path == "/stream" {
          exchange.startResponse(200)
          exchange.write("never sent")
          exchange.end()
        } else {
          exchange.answer("never sent")
        }
      }
      let client = try site.connect()
      let end = "\r\n\r\n"
      #expect(
        site.ask(client, request("HEAD /"), until: end)
          == response("200 OK", ["Content-Length: 10"]))
      #expect(
        site.ask(client, request("HEAD /stream"), until: end)
          == response("200 OK", ["Transfer-Encoding: chunked"]))
      #expect(reported == [0, 0])
      site.close()
    }
  }

  @Test(arguments: [204, 304])
  func writesNoBodyWhereTheStatusHasNone(status: Int) async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        if exchange.head.path == "/stream" {
          exchange.startResponse(status)
          exchange.write("never sent")
          exchange.end()
        } else {
          exchange.respond(status, body: [1, 2, 3])
        }
      }
      let client = try site.connect()
      client.send(request("GET /") + request("GET /stream") + request("GET /", "Connection: close"))
      loop.run(until: { client.hasEnded })
      let answers = withoutDate(client.bytes).split(separator: "\r\n\r\n")
      #expect(answers.count == 3)
      #expect(answers.allSatisfy { $0.hasPrefix("HTTP/1.1 \(status) ") })
      site.close()
    }
  }

  @Test func streamsABodyOfUnknownLengthInChunks() async throws {
    try await withLoop { loop in
      var reported: (Int, Int)?
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.onFinish = { reported = ($0, $1) }
        exchange.startResponse(200)
        exchange.write("hello")
        exchange.write("")
        loop.after(ms: 1) {
          exchange.write(", streamed world")
          exchange.end()
        }
      }
      let client = try site.connect()
      let answer = site.ask(client, request("GET /"), until: "0\r\n\r\n")
      #expect(
        answer
          == response("200 OK", ["Transfer-Encoding: chunked"])
          + "5\r\nhello\r\n10\r\n, streamed world\r\n0\r\n\r\n")
      #expect(reported ?? (0, 0) == (200, 21))
      #expect(site.ask(client, request("GET /"), until: "0\r\n\r\n") == answer, "kept alive")
      site.close()
    }
  }

  @Test func streamsABodyOfKnownLengthAsItIs() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.startResponse(201, length: 6)
        exchange.write("abc")
        exchange.write("def")
        exchange.end()
      }
      let client = try site.connect()
      #expect(
        site.ask(client, request("GET /"), until: "def")
          == response("201 Created", ["Content-Length: 6"], "abcdef"))
      site.close()
    }
  }

  @Test func endsAStreamedBodyForHTTP10ByClosing() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.startResponse(200)
        exchange.write("until ")
        exchange.write("the end")
        exchange.end()
      }
      let client = try site.connect()
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      loop.run(until: { client.hasEnded })
      #expect(
        withoutDate(client.bytes)
          == response("200 OK", ["Connection: close"], "until the end"))
      site.close()
    }
  }

  @Test func keepsAHTTP10ConnectionWhenAsked() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.answer("x") }
      let client = try site.connect()
      let answer = site.ask(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", until: "x")
      #expect(answer == okay("x", "Connection: keep-alive"))
      client.send("GET / HTTP/1.0\r\n\r\n")
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("x", "Connection: close"))
      site.close()
    }
  }
}

extension HTTPExchange {
  func write(_ text: String) { Array(text.utf8).withUnsafeBytes { write($0) } }
}
