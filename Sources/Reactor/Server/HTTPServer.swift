internal import Glibc

/// Limits of a server's connections, each with its default.
public struct HTTPServerLimits: Sendable {
  public var head = HTTPLimits()
  /// Open connections in all, upgraded ones included; at the limit the listeners pause.
  public var maxConnections = 16_384
  /// How many an upgraded connection counts for: 2 where it is relayed over a second descriptor.
  public var upgradedWeight = 1
  /// Open connections of one peer: an IPv4 address or an IPv6 /64. Loopback and Unix sockets,
  /// where proxies and load tests are, are not counted.
  public var maxConnectionsPerPeer = 1_024
  /// From the accept to the end of TLS's handshake.
  public var handshakeMs: UInt64 = 10_000
  /// From the first byte of a head (or from the accept, with TLS from the handshake) to its end.
  public var headMs: UInt64 = 10_000
  /// Between two requests.
  public var idleMs: UInt64 = 75_000
  /// Without a byte of a body that a handler waits for.
  public var bodyStallMs: UInt64 = 30_000
  /// A body that a handler waits for may be no slower over time.
  public var minBodyBytesPerSecond: UInt64 = 500
  /// Without a byte of a response taken by the peer.
  public var writeStallMs: UInt64 = 60_000
  /// After the last response, for the peer to close (RFC 9112 §9.6).
  public var lingerMs: UInt64 = 2_000
  /// A body that is collected whole; more is 413.
  public var maxBodyBytes = 1024 * 1024
  /// An unread body up to this size is read and dropped, to keep the connection.
  public var maxDrainBytes: UInt64 = 64 * 1024
  public var maxRequestsPerConnection = 1_000_000
  /// How often the deadlines are looked at: there is no timer per connection.
  public var sweepMs: UInt64 = 500

  public init() {}
}

/// An answer that needs no handler, such as a refusal by the parser.
public struct HTTPAnswer: Sendable {
  public var status: Int
  public var fields: [HTTPField]
  public var body: [UInt8]

  public init(status: Int, fields: [HTTPField] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

/// An HTTP/1.1 server on a loop: listeners, connections and their deadlines.
public final class HTTPServer {
  public typealias Handler = (HTTPExchange) -> Void
  /// Speaks TLS over the next connection, whose handshake may take so long.
  public typealias TLSProvider = (_ stream: SocketStream, _ handshakeMs: UInt64) -> any ByteStream

  public let loop: Loop
  public let limits: HTTPServerLimits
  let handler: Handler
  /// Renders the answer to a request that can't be read: status and a short text.
  let refusal: (_ status: Int, _ reason: String) -> HTTPAnswer
  private var listeners: [SocketListener] = []
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var sweep: Timer?
  private var onDrained: (() -> Void)?
  private(set) var isClosing = false
  let outbox = HTTPOutbox()
  private var date = HTTPDate()
  /// Connections handed to another protocol that have not closed yet.
  private var upgradedCount = 0
  private var peers = PeerCounter()

  public init(
    loop: Loop, limits: HTTPServerLimits = HTTPServerLimits(),
    refusal: @escaping (_ status: Int, _ reason: String) -> HTTPAnswer = HTTPServer.plainRefusal,
    handler: @escaping Handler
  ) {
    self.loop = loop
    self.limits = limits
    self.refusal = refusal
    self.handler = handler
    sweep = loop.every(ms: limits.sweepMs) { [unowned self] in checkDeadlines() }
  }

  public static func plainRefusal(_ status: Int, _ reason: String) -> HTTPAnswer {
    HTTPAnswer(
      status: status, fields: [HTTPField(fixed: "Content-Type", "text/plain; charset=utf-8")],
      body: Array((reason + "\n").utf8))
  }

  /// Starts listening; returns the address that was bound. `tls`: every connection there is TLS,
  /// as the closure makes it at its accept.
  @discardableResult
  public func listen(
    at address: SocketAddress, tls: TLSProvider? = nil
  ) throws(UVError) -> SocketAddress {
    let listener = try SocketListener.listen(loop: loop, at: address) { [unowned self] in
      accept($0, tls)
    }
    listeners.append(listener)
    return listener.address
  }

  /// Serves a descriptor that listens already.
  public func listen(
    adopting descriptor: Int32, address: SocketAddress, tls: TLSProvider? = nil
  ) throws(UVError) {
    let listener = try SocketListener(loop: loop, adopting: descriptor, address: address) {
      [unowned self] in accept($0, tls)
    }
    listeners.append(listener)
  }

  public var connectionCount: Int { connections.count + upgradedCount }

  private var isAtLimit: Bool {
    connections.count + upgradedCount * limits.upgradedWeight >= limits.maxConnections
  }

  private func accept(_ stream: SocketStream, _ tls: TLSProvider?) {
    let address = stream.peerAddress
    let peer = address.flatMap { PeerCounter.Key($0) }
    guard peers.add(peer, atMost: limits.maxConnectionsPerPeer) else { return stream.close() }
    serve(wrap(stream, tls), address, peer)
    pauseAtLimit()
  }

  /// Serves a connection that its owner has accepted; `firstBytes` were read from it already. At
  /// the limit it is closed: no listener holds such connections back.
  public func serve(_ stream: any ByteStream, firstBytes: [UInt8] = []) {
    let address = stream.peerAddress
    let peer = address.flatMap { PeerCounter.Key($0) }
    guard !isClosing, !isAtLimit, peers.add(peer, atMost: limits.maxConnectionsPerPeer) else {
      return stream.close()
    }
    let connection = serve(stream, address, peer)
    var bytes = firstBytes
    if !bytes.isEmpty { bytes.withUnsafeMutableBytes { connection.streamDidReceive($0) } }
  }

  @discardableResult
  private func serve(
    _ stream: any ByteStream, _ address: SocketAddress?, _ peer: PeerCounter.Key?
  ) -> HTTPConnection {
    let connection = HTTPConnection(
      server: self, stream: stream, peerAddress: address, peer: peer)
    connections[ObjectIdentifier(connection)] = connection
    connection.start()
    return connection
  }

  /// Serves HTTP on a stream that left it for another protocol: what such a protocol carries may
  /// be HTTP again.
  public func serve(_ upgrade: HTTPUpgrade) {
    upgrade.didClose()
    let connection = HTTPConnection(
      server: self, stream: upgrade.stream, peerAddress: upgrade.stream.peerAddress, peer: nil)
    connections[ObjectIdentifier(connection)] = connection
    connection.start(after: upgrade)
    pauseAtLimit()
  }

  private func wrap(_ stream: SocketStream, _ tls: TLSProvider?) -> any ByteStream {
    guard let tls else { return stream }
    return tls(stream, limits.handshakeMs)
  }

  private func pauseAtLimit() {
    guard isAtLimit else { return }
    for listener in listeners { listener.pause() }
  }

  private func resumeBelowLimit() {
    if isClosing || isAtLimit { return }
    for listener in listeners where listener.isPaused { listener.resume() }
  }

  func didClose(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = nil
    peers.remove(connection.peer)
    resumeBelowLimit()
    reportDrained()
  }

  /// The connection's stream now belongs to another protocol, whose owner calls the returned
  /// closure when it has closed.
  func didUpgrade(_ connection: HTTPConnection) -> () -> Void {
    connections[ObjectIdentifier(connection)] = nil
    upgradedCount += 1
    pauseAtLimit()
    return HTTPUpgradedPlace(self, connection.peer).leave
  }

  fileprivate func upgradedDidClose(_ peer: PeerCounter.Key?) {
    upgradedCount -= 1
    peers.remove(peer)
    resumeBelowLimit()
    reportDrained()
  }

  private func checkDeadlines() {
    let now = loop.nowMs
    for connection in connections.values { connection.checkDeadline(now) }
  }

  /// The Date header's value, made once a second.
  func currentDate() -> HTTPField { date.field(loop.nowMs) }

  /// Stops listening, closes idle connections, lets the others finish their response; then
  /// `onDrained`. Upgraded connections are their owners' to close.
  public func close(onDrained: @escaping () -> Void = {}) {
    if isClosing { return }
    isClosing = true
    self.onDrained = onDrained
    for listener in listeners { listener.close() }
    for connection in connections.values { connection.closeWhenIdle() }
    reportDrained()
  }

  /// Closes what `close` left open, now.
  public func abort() {
    for connection in connections.values { connection.abort() }
  }

  private func reportDrained() {
    guard isClosing, connectionCount == 0, let done = onDrained else { return }
    onDrained = nil
    sweep?.cancel()
    sweep = nil
    done()
  }
}

/// Where an upgraded connection is counted, until it has closed. A server may have ten thousand.
private final class HTTPUpgradedPlace {
  private let server: HTTPServer
  private let peer: PeerCounter.Key?
  private var isLeft = false

  init(_ server: HTTPServer, _ peer: PeerCounter.Key?) {
    self.peer = peer
    self.server = server
  }

  func leave() {
    if isLeft { return }
    isLeft = true
    server.upgradedDidClose(peer)
  }
}

/// The current time as an IMF-fixdate (RFC 9110 §5.6.7), made anew once a second.
public struct HTTPDate {
  private var cached: HTTPField?
  private var madeAtMs: UInt64 = 0

  mutating func field(_ nowMs: UInt64) -> HTTPField {
    if let cached, nowMs &- madeAtMs < 1000 { return cached }
    madeAtMs = nowMs
    let fresh = HTTPField("Date", Self.format(time(nil))) ?? HTTPField(fixed: "Date", "")
    cached = fresh
    return fresh
  }

  public static func format(_ seconds: Int) -> String {
    var seconds = seconds
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      strftime(text.baseAddress!, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      return String(cString: text.baseAddress!)
    }
  }
}
