/// Client connections by destination, kept for further requests.
///
/// The latest idle one is used first, so that those that are not needed grow old. A request that
/// is lost with a connection that had been idle is sent once more over a fresh one, if that does
/// no harm. To be closed before it goes.
public final class HTTPClientPool<Destination: Hashable> {
  /// Makes a stream to a destination, connecting or connected.
  public typealias Dial = (Destination) throws(HTTPClientError) -> any ByteStream

  private struct Member {
    let connection: HTTPClientConnection
    let destination: Destination
    /// Its destination was dropped while it was in use.
    var isDropped = false
  }

  private let loop: Loop
  private let limits: HTTPClientLimits
  private let dial: Dial
  /// All whose stream has not closed.
  private var members: [ObjectIdentifier: Member] = [:]
  /// Oldest first; none empty.
  private var idle: [Destination: [HTTPClientConnection]] = [:]
  public private(set) var idleCount = 0
  private var sweep: Timer?
  private var isClosing = false

  public init(
    loop: Loop, limits: HTTPClientLimits = HTTPClientLimits(), dial: @escaping Dial
  ) {
    self.loop = loop
    self.limits = limits
    self.dial = dial
  }

  /// Idle ones and those in use.
  public var connectionCount: Int { members.count }

  // MARK: Requests

  /// Sends the request over an idle connection, or over a fresh one.
  public func start(_ exchange: HTTPClientExchange, to destination: Destination) {
    if exchange.isOver { return }
    if let connection = takeIdle(destination) { return connection.start(exchange) }
    startAfresh(exchange, to: destination)
  }

  /// Sends a request and collects the response.
  @discardableResult
  public func send(
    _ request: HTTPClientRequest, to destination: Destination,
    _ completion: @escaping HTTPClientExchange.Completion
  ) -> HTTPClientExchange {
    let exchange = HTTPClientExchange(request)
    exchange.collect(completion)
    start(exchange, to: destination)
    return exchange
  }

  private func takeIdle(_ destination: Destination) -> HTTPClientConnection? {
    while let connection = idle[destination]?.last {
      removeIdle(connection, destination)
      if connection.isUsable { return connection }
      connection.stream.close()
    }
    return nil
  }

  private func startAfresh(_ exchange: HTTPClientExchange, to destination: Destination) {
    do throws(HTTPClientError) {
      let stream = try dial(destination)
      let connection = HTTPClientConnection(stream, limits: limits, owner: self)
      members[ObjectIdentifier(connection)] = Member(
        connection: connection, destination: destination)
      connection.start(exchange)
    } catch {
      loop.after(ms: 0) { exchange.finish(error) }
    }
  }

  // MARK: Ends

  /// Closes the idle connections of a destination that is no more; those in use are closed after
  /// their answer.
  public func drop(_ destination: Destination) {
    for (id, member) in members where member.destination == destination {
      members[id]?.isDropped = true
    }
    for connection in idle[destination] ?? [] { retire(connection, destination) }
  }

  /// The same for every destination. Nothing is kept any more.
  public func close() {
    isClosing = true
    for (destination, connections) in idle {
      for connection in connections { retire(connection, destination) }
    }
  }

  private func retire(_ connection: HTTPClientConnection, _ destination: Destination) {
    removeIdle(connection, destination)
    connection.stream.close()
  }

  private func removeIdle(_ connection: HTTPClientConnection, _ destination: Destination) {
    guard var rest = idle[destination], let index = rest.lastIndex(where: { $0 === connection })
    else { return }
    rest.remove(at: index)
    idle[destination] = rest.isEmpty ? nil : rest
    idleCount -= 1
    if idleCount == 0 {
      sweep?.cancel()
      sweep = nil
    }
  }

  // MARK: Idle connections

  private func keep(_ connection: HTTPClientConnection, _ destination: Destination) {
    idle[destination, default: []].append(connection)
    idleCount += 1
    if let all = idle[destination], all.count > limits.maxIdlePerDestination {
      retire(all[0], destination)
    } else if idleCount > limits.maxIdle, let (destination, oldest) = oldestIdle {
      retire(oldest, destination)
    }
    if idleCount > 0, sweep == nil {
      sweep = loop.every(ms: limits.sweepMs) { [weak self] in self?.closeOld() }
    }
  }

  private var oldestIdle: (Destination, HTTPClientConnection)? {
    idle.min { $0.value[0].idleSinceMs < $1.value[0].idleSinceMs }.map { ($0.key, $0.value[0]) }
  }

  private func closeOld() {
    for (destination, connections) in idle {
      for connection in connections where loop.nowMs - connection.idleSinceMs >= limits.idleMs {
        retire(connection, destination)
      }
    }
  }
}

extension HTTPClientPool: HTTPClientConnectionOwner {
  func connectionDidBecomeIdle(_ connection: HTTPClientConnection) {
    guard let member = members[ObjectIdentifier(connection)], !member.isDropped, !isClosing
    else { return connection.stream.close() }
    keep(connection, member.destination)
  }

  func connection(
    _ connection: HTTPClientConnection, didLose exchange: HTTPClientExchange
  ) -> Bool {
    guard let member = members[ObjectIdentifier(connection)], !member.isDropped, !isClosing
    else { return false }
    startAfresh(exchange, to: member.destination)
    return true
  }

  func connectionDidEnd(_ connection: HTTPClientConnection) {
    guard let member = members.removeValue(forKey: ObjectIdentifier(connection)) else { return }
    removeIdle(connection, member.destination)
  }
}
