import Glibc
import Reactor
import ReactorTLS
import TestSupport
import Testing

/// An HTTP server whose listener speaks TLS, and clients of it.
final class HTTPSSite {
  let loop: Loop
  let server: HTTPServer
  let address: SocketAddress
  /// For the next connections.
  var context: TLSContext
  private var clients: [StreamProbe] = []

  init(
    loop: Loop, limits: HTTPServerLimits = HTTPServerLimits(),
    handler: @escaping HTTPServer.Handler = { $0.answer("hello") }
  ) throws {
    self.loop = loop
    context = try TLSFixture.shared.server()
    server = HTTPServer(loop: loop, limits: limits, handler: handler)
    var current: (() -> TLSContext)?
    address = try server.listen(at: .loopback(port: 0), tls: TLSStream.provider { current!() })
    current = { [unowned self] in context }
  }

  func socket() throws -> SocketStream { try SocketStream.connect(loop: loop, to: address) }

  func dial(_ context: TLSContext? = nil) throws -> StreamProbe {
    let context = try context ?? TLSFixture.shared.client()
    let stream = TLSStream(over: try socket(), context, serverName: "localhost")
    return add(StreamProbe(stream))
  }

  func dialPlain() throws -> StreamProbe { add(StreamProbe(try socket())) }

  private func add(_ client: StreamProbe) -> StreamProbe {
    clients.append(client)
    return client
  }

  /// Sends the text and waits for an answer that ends so; returns it without its Date.
  func ask(_ client: StreamProbe, _ text: String, until end: String) -> String {
    client.send(text)
    loop.run(until: { client.text.hasSuffix(end) })
    return withoutDate(client.take())
  }

  /// Closes all and expects every engine to be freed.
  func close() {
    server.close()
    server.abort()
    for client in clients { client.stream.close() }
    loop.run(until: { server.connectionCount == 0 && clients.allSatisfy { $0.isClosed } })
    clients = []
    loop.turns(3)
    #expect(context.engineCount == 0)
  }
}

@Suite struct TLSServerTests {
  @Test func requestsAreAnsweredOnAKeptConnection() async throws {
    try await withLoop { loop in
      var peers: [String?] = []
      let site = try HTTPSSite(loop: loop) { exchange in
        peers.append(exchange.peer?.host)
        #expect(exchange.isEncrypted)
        exchange.answer(exchange.head.method.name)
      }
      let client = try site.dial()
      #expect(site.ask(client, request("GET /"), until: "GET") == okay("GET"))
      #expect(
        site.ask(client, request("PUT /") + request("DELETE /"), until: "DELETE")
          == okay("PUT") + okay("DELETE"))
      #expect(peers == ["127.0.0.1", "127.0.0.1", "127.0.0.1"])
      site.close()
    }
  }

  @Test func aClosedExchangeEndsWithACloseNotify() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let client = try site.dial()
      client.send(request("GET /", "Connection: close"))
      loop.run(until: { client.hasEnded })
      #expect(withoutDate(client.bytes) == okay("hello", "Connection: close"))
      #expect(client.error == nil)
      client.stream.endWriting()
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }

  @Test func plainHTTPIsClosedCleanly() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop) { _ in Issue.record("served") }
      let client = try site.dialPlain()
      client.send(request("POST /", "Content-Length: 100000"))
      client.send([UInt8](repeating: 0x41, count: 100_000))
      loop.run(until: { client.hasEnded })
      #expect(client.bytes.count <= 7)  // nothing, or an alert
      #expect(!client.isClosed)
      client.stream.close()
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }

  @Test func aSilentConnectionIsClosedAfterTheHandshakesTime() async throws {
    try await withLoop { loop in
      var limits = HTTPServerLimits()
      limits.handshakeMs = 20
      let site = try HTTPSSite(loop: loop, limits: limits)
      let client = try site.dialPlain()
      loop.run(until: { client.hasEnded })
      #expect(client.bytes.isEmpty)
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
    }
  }

  @Test func theHeadHasItsTimeFromTheHandshake() async throws {
    try await withLoop { loop in
      var limits = HTTPServerLimits()
      limits.headMs = 30
      limits.sweepMs = 5
      let site = try HTTPSSite(loop: loop, limits: limits)
      let client = try site.dial()
      client.send("GET / HT")
      loop.run(until: { client.hasEnded })
      #expect(client.text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
      site.close()
    }
  }

  @Test func aRenewedCertificateIsShownToNewConnectionsOnly() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let old = site.context
      let before = try site.dial()
      _ = site.ask(before, request("GET /"), until: "hello")
      site.context = try TLSContext(server: TLSFixture.shared.files("renewed"))
      let after = try site.dial()
      _ = site.ask(after, request("GET /"), until: "hello")
      #expect(old.engineCount == 1)
      #expect(site.context.engineCount == 1)
      #expect(site.ask(before, request("GET /"), until: "hello") == okay("hello"))
      site.close()
      #expect(old.engineCount == 0)
    }
  }

  @Test func aThousandConnectionsLeaveNothing() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let context = try TLSFixture.shared.client()
      for round in 0..<50 {
        let clients = try (0..<20).map { _ in
          StreamProbe(TLSStream(over: try site.socket(), context, serverName: "localhost"))
        }
        for client in clients { client.send(request("GET /")) }
        loop.run(until: { clients.allSatisfy { $0.text.hasSuffix("hello") } })
        // In order, at once, and by the server.
        for (index, client) in clients.enumerated() {
          if (index + round) % 3 == 0 { client.stream.endWriting() }
          if (index + round) % 3 == 1 { client.stream.close() }
        }
        for client in clients { client.stream.close() }
        loop.run(until: { clients.allSatisfy { $0.isClosed } })
      }
      loop.run(until: { site.server.connectionCount == 0 })
      site.close()
      #expect(context.engineCount == 0)
    }
  }

  @Test func webSocketsRunOverTLS() async throws {
    try await withLoop { loop in
      var sockets: [WebSocketConnection] = []
      let site = try HTTPSSite(loop: loop) { exchange in
        guard let upgrade = exchange.acceptWebSocket() else { return }
        let probe = WebSocketProbe()
        let socket = WebSocketConnection(
          stream: upgrade.stream, role: .server, maxMessageBytes: 4 << 20, delegate: probe,
          onClosed: upgrade.didClose)
        probe.onMessage = { [unowned socket] in socket.send($0, $1) }
        sockets.append(socket)
        socket.start(leftover: upgrade.takeLeftover())
      }
      let stream = TLSStream(
        over: try site.socket(), try TLSFixture.shared.client(), serverName: "localhost")
      var result: Result<HTTPUpgrade, HTTPClientError>?
      WebSocketClientHandshake(stream, target: "/ws", host: "localhost", nonce: (1, 2)) {
        result = $0
      }
      loop.run(until: { result != nil })
      let upgrade = try #require(result).get()
      let probe = WebSocketProbe()
      let socket = WebSocketConnection(
        stream: upgrade.stream, role: .client, maxMessageBytes: 4 << 20, maskSeed: 3,
        delegate: probe)
      socket.start(leftover: upgrade.takeLeftover())
      let large = SplitMix64.bytes(seed: 9, 3 << 20)
      socket.send("text")
      socket.send(large)
      loop.run(until: { probe.messages.count == 2 })
      #expect(probe.messages == [.text("text"), .binary(large)])
      socket.close(.normal)
      loop.run(until: { probe.isClosed && site.server.connectionCount == 0 })
      #expect(probe.code == .normal)
      #expect(probe.error == nil)
      sockets = []
      site.close()
    }
  }
}
