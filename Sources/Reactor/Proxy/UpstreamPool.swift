/// A server that requests are passed on to, and the connections to it that are idle. Its owner
/// lets go of it with `UpstreamPool.drop`.
public final class Upstream {
  /// Makes a stream to the server. `done` runs once, in a later turn, unless the dial is cancelled.
  public typealias Dial = (
    _ done: @escaping (Result<any ByteStream, HTTPClientError>) -> Void
  ) -> any UpstreamDial

  let dial: Dial
  /// Oldest first.
  fileprivate var idle: [UpstreamConnection] = []
  fileprivate var isDropped = false
  fileprivate var connectionCount = 0

  /// Whether a connection to it is open.
  public var isInUse: Bool { connectionCount > 0 }

  public init(dial: @escaping Dial) { self.dial = dial }
}

/// A connection to a server that is being made.
public protocol UpstreamDial: AnyObject {
  /// Its completion does not run any more. Idempotent.
  func cancel()
}

/// A reverse proxy's connections to all servers, and their deadlines. To be closed before it goes.
public final class UpstreamPool {
  public let loop: Loop
  public let limits: UpstreamLimits
  /// All whose stream has not closed and that speak HTTP.
  private var connections: [ObjectIdentifier: UpstreamConnection] = [:]
  private var splices: [ObjectIdentifier: StreamSplice] = [:]
  private var allIdleCount = 0
  public var idleCount: Int { allIdleCount }
  private var sweep: Timer?
  private var isClosing = false

  public init(loop: Loop, limits: UpstreamLimits = UpstreamLimits()) {
    self.loop = loop
    self.limits = limits
    sweep = loop.every(ms: limits.sweepMs) { [unowned self] in checkDeadlines() }
  }

  /// Idle ones, those in use, and spliced ones.
  public var connectionCount: Int { connections.count + splices.count }

  // MARK: Connections

  /// The idle connection that was used last. `isChecked`: it is asked for its state first, for a
  /// request that can't be sent once more.
  func takeIdle(_ upstream: Upstream, isChecked: Bool) -> UpstreamConnection? {
    while let connection = upstream.idle.popLast() {
      allIdleCount -= 1
      if isChecked ? connection.isQuiet : !connection.stream.isClosing { return connection }
      connection.stream.close()
    }
    return nil
  }

  /// A connection over a fresh stream.
  func connection(over stream: any ByteStream, to upstream: Upstream) -> UpstreamConnection {
    let connection = UpstreamConnection(stream, to: upstream, of: self)
    connections[ObjectIdentifier(connection)] = connection
    upstream.connectionCount += 1
    return connection
  }

  func connectionDidBecomeIdle(_ connection: UpstreamConnection) {
    let upstream = connection.upstream
    if upstream.isDropped || isClosing || allIdleCount >= limits.maxIdle
      || upstream.idle.count >= limits.maxIdlePerUpstream
    {
      return connection.stream.close()
    }
    upstream.idle.append(connection)
    allIdleCount += 1
  }

  /// Its stream has closed, or left HTTP.
  func connectionDidLeave(_ connection: UpstreamConnection) {
    if connections.removeValue(forKey: ObjectIdentifier(connection)) == nil { return }
    connection.upstream.connectionCount -= 1
    let idle = connection.upstream.idle
    guard let index = idle.lastIndex(where: { $0 === connection }) else { return }
    connection.upstream.idle.remove(at: index)
    allIdleCount -= 1
  }

  // MARK: Splices

  func add(_ splice: StreamSplice) {
    splices[ObjectIdentifier(splice)] = splice
    if isClosing { splice.abort() }
  }

  func remove(_ splice: StreamSplice) { splices[ObjectIdentifier(splice)] = nil }

  // MARK: Ends

  /// Closes the idle connections to a server that is no more; those in use are closed after their
  /// response.
  public func drop(_ upstream: Upstream) {
    upstream.isDropped = true
    allIdleCount -= upstream.idle.count
    let idle = upstream.idle
    upstream.idle = []
    for connection in idle { connection.stream.close() }
  }

  /// Closes idle and spliced ones now and keeps none any more; those in use end with their
  /// response.
  public func close() {
    isClosing = true
    sweep?.cancel()
    sweep = nil
    for connection in connections.values where connection.isIdle { connection.stream.close() }
    for splice in splices.values { splice.abort() }
  }

  private func checkDeadlines() {
    let nowMs = loop.nowMs
    for connection in connections.values {
      if !connection.isIdle {
        connection.checkDeadline(nowMs)
      } else if nowMs - connection.idleSinceMs >= limits.idleMs {
        connection.stream.close()
      }
    }
    for splice in splices.values { splice.checkDeadline(nowMs) }
  }
}
