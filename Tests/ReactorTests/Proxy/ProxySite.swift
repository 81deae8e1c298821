import Reactor
import TestSupport
import Testing

/// A reverse proxy at a free port, clients of it, and a server behind it that a test plays by hand.
final class ProxySite: HTTPProxyDelegate {
  let loop: Loop
  let pool: UpstreamPool
  private(set) var upstream: Upstream!
  private(set) var site: HTTPSite!
  /// The server's ends of its connections, in the order in which they were accepted.
  private(set) var peers: [StreamProbe] = []
  private(set) var failures: [HTTPClientError] = []
  private(set) var splices: [StreamSplice] = []
  private(set) var endCount = 0
  private(set) var exchanges: [HTTPProxyExchange] = []
  private var listener: SocketListener!
  /// Nothing listens any more.
  var isRefusing = false

  init(
    loop: Loop, limits: UpstreamLimits = UpstreamLimits(),
    serverLimits: HTTPServerLimits = HTTPServerLimits()
  ) throws {
    self.loop = loop
    pool = UpstreamPool(loop: loop, limits: limits)
    listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
      [unowned self] in peers.append(StreamProbe($0))
    }
    upstream = Upstream { [unowned self] done in
      let dial = TestDial(done)
      loop.after(ms: 0) { [unowned self] in
        dial.finish(isRefusing ? nil : listener.address, loop)
      }
      return dial
    }
    site = try HTTPSite(loop: loop, limits: serverLimits) { [unowned self] exchange in
      let proxied = HTTPProxyExchange(exchange, to: upstream, of: pool, self)
      exchanges.append(proxied)
      proxied.start()
    }
  }

  // MARK: The delegate

  func proxy(_ exchange: HTTPProxyExchange, appendRequestTo buffer: inout ByteBuffer) {
    exchange.downstream.head.appendForwardedLine(to: &buffer)
    buffer.append("Host: inside\r\n")
    exchange.downstream.head.headers.appendForwarded(to: &buffer) { _, _ in true }
  }

  func proxy(
    _ exchange: HTTPProxyExchange, appendResponse head: HTTPResponseHead,
    to buffer: inout ByteBuffer
  ) {
    head.appendForwardedLine(to: &buffer)
    head.headers.appendForwarded(to: &buffer) { _, _ in true }
  }

  func proxy(_ exchange: HTTPProxyExchange, didFail error: HTTPClientError) {
    failures.append(error)
    exchange.downstream.answer("failed", status: 502)
  }

  func proxy(_ exchange: HTTPProxyExchange, didUpgrade splice: StreamSplice) {
    splices.append(splice)
  }

  func proxyDidEnd(_ exchange: HTTPProxyExchange) { endCount += 1 }

  // MARK: Steps

  func client(sourceLocation: SourceLocation = #_sourceLocation) throws -> StreamProbe {
    try site.connect(sourceLocation: sourceLocation)
  }

  /// Waits for what the server on that connection gets until it ends so; takes and returns it.
  @discardableResult
  func received(
    on index: Int = 0, until end: String = "\r\n\r\n",
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    loop.run(
      until: { peers.count > index && peers[index].text.hasSuffix(end) },
      sourceLocation: sourceLocation)
    return String(decoding: peers[index].take(), as: UTF8.self)
  }

  /// The same for a client.
  @discardableResult
  func answer(
    to client: StreamProbe, until end: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    loop.run(until: { client.text.hasSuffix(end) }, sourceLocation: sourceLocation)
    return withoutDate(client.take())
  }

  /// Closes a connection so that its other end gets a reset.
  func reset(_ peer: StreamProbe) {
    if let stream = peer.stream as? SocketStream { resetOnClose(stream) }
    peer.stream.close()
  }

  func close(sourceLocation: SourceLocation = #_sourceLocation) {
    pool.close()
    listener.close()
    for peer in peers { peer.stream.close() }
    site.close()
    loop.run(until: { pool.connectionCount == 0 }, sourceLocation: sourceLocation)
    loop.run(until: { peers.allSatisfy { $0.isClosed } }, sourceLocation: sourceLocation)
    #expect(endCount == exchanges.count, sourceLocation: sourceLocation)
    #expect(pool.idleCount == 0, sourceLocation: sourceLocation)
    exchanges = []
    splices = []
    loop.turns(3)
  }

  static func with(
    limits: UpstreamLimits = UpstreamLimits(),
    serverLimits: HTTPServerLimits = HTTPServerLimits(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @Sendable (ProxySite, Loop) throws -> Void
  ) async throws {
    try await withLoop(sourceLocation: sourceLocation) { loop in
      let site = try ProxySite(loop: loop, limits: limits, serverLimits: serverLimits)
      defer { site.close(sourceLocation: sourceLocation) }
      try body(site, loop)
    }
  }
}

/// Gives a stream to the address in a later turn.
private final class TestDial: UpstreamDial {
  private var done: ((Result<any ByteStream, HTTPClientError>) -> Void)?

  init(_ done: @escaping (Result<any ByteStream, HTTPClientError>) -> Void) { self.done = done }

  func cancel() { done = nil }

  func finish(_ address: SocketAddress?, _ loop: Loop) {
    guard let done else { return }
    self.done = nil
    guard let address, let stream = try? SocketStream.connect(loop: loop, to: address) else {
      return done(.failure(.unreachable("nobody is there")))
    }
    done(.success(stream))
  }
}
