import Reactor

/// Round trips through N WebSockets, from the first sandbox's creation to the last echo.
///
/// A closed loop: a connection sends its next message when one is back, so a server that stalls
/// is also loaded less.
final class EchoLoad: Load {
  private enum Phase { case preparing, idle, working, settling, closing, over }

  let shape: EchoShape
  weak var owner: (any LoadOwner)?
  private(set) var latency = Latency("round_trip")
  private let client: ClientOptions
  private let peer: EchoPeer
  /// Where all WebSockets go, instead of to sandboxes.
  private let path: String?
  private let pattern: EchoPattern
  private weak var run: Run?
  /// Those whose opening has begun.
  private var connections: [EchoConnection] = []
  private var paths: SandboxPaths?
  private var opening: Parallel?
  private var liveCount = 0
  /// Of those, how many have messages under way after a pause.
  private var unsettledCount = 0
  private var isCounting = false
  /// By the server's rate limit: fewer connections than asked for are not measured.
  private var wasRefused = false
  private var phase = Phase.preparing
  private var deadline: Timer?

  private static let handshakesAtOnce = 64
  private static let openTimeoutMs: UInt64 = 60_000
  private static let settleTimeoutMs: UInt64 = 10_000

  /// Without a path, sandboxes are made.
  init(_ shape: EchoShape, _ client: ClientOptions, peer: EchoPeer, path: String?) {
    self.shape = shape
    self.client = client
    self.peer = peer
    self.path = path
    pattern = EchoPattern(messageBytes: shape.messageBytes)
  }

  var latencies: [Latency] { [latency] }

  // MARK: Getting ready

  func prepare(_ run: Run) {
    self.run = run
    let paths = SandboxPaths(shape.sandboxes, instead: path)
    self.paths = paths
    paths.make(run) { [self] in
      if $0.isEmpty { end() } else { openAll($0, path == nil ? run.api.authorization : []) }
    }
  }

  /// The connections take the paths in turn.
  private func openAll(_ paths: [String], _ fields: [HTTPField]) {
    guard let run else { return }
    let settings = EchoSettings(
      target: client.target, fields: fields, inFlight: shape.inFlight,
      messageBytes: shape.messageBytes, peer: peer)
    deadline = run.loop.after(ms: Self.openTimeoutMs) { [self] in giveUpOpening() }
    let opening = Parallel(total: shape.connections) { [self] in
      let connection = EchoConnection(
        settings, number: $0, path: paths[$0 % paths.count], pattern: pattern, owner: self)
      connections.append(connection)
      liveCount += 1
      connection.connect(run.loop)
    } onEnd: { [self] in
      didOpen()
    }
    self.opening = opening
    opening.start(Self.handshakesAtOnce)
  }

  private func giveUpOpening() {
    opening?.stop()
    for connection in connections where !connection.isReady { connection.giveUp() }
  }

  /// All connections are ready or have failed.
  private func didOpen() {
    deadline?.cancel()
    phase = .idle
    if liveCount == 0 { return end() }
    if wasRefused { return close() }
    owner?.loadIsReady()
  }

  // MARK: Load

  func begin() {
    phase = .working
    for connection in connections { connection.begin() }
  }

  func startCounting() {
    latency = Latency(latency.name)
    isCounting = true
  }

  func stopCounting() { isCounting = false }

  func pause() {
    guard phase == .working, let run else { return }
    phase = .settling
    unsettledCount = liveCount
    deadline = run.loop.after(ms: Self.settleTimeoutMs) { [self] in giveUp() }
    for connection in connections { connection.pause() }
  }

  private func didSettle() {
    unsettledCount -= 1
    if unsettledCount > 0 || phase != .settling { return }
    deadline?.cancel()
    phase = .idle
    owner?.loadDidSettle()
  }

  func close() {
    guard let run, phase != .over else { return }
    phase = .closing
    deadline = run.loop.after(ms: Self.settleTimeoutMs) { [self] in giveUp() }
    for connection in connections { connection.finish() }
  }

  private func giveUp() {
    for connection in connections where phase == .closing || !connection.isReady {
      connection.giveUp()
    }
  }

  private func end() {
    if phase == .over { return }
    phase = .over
    deadline?.cancel()
    deadline = nil
    owner?.loadDidEnd()
  }

  func interrupt() {
    phase = .over
    deadline?.cancel()
    opening?.stop()
    for connection in connections { connection.abort() }
  }

  /// One way; for the report.
  func throughput(_ seconds: Double) -> (String, JSON) {
    let bytes = latency.perSecond(seconds) * Double(shape.messageBytes)
    return ("mib_per_second", .number(bytes / 1_048_576))
  }

  var progress: String {
    "\((opening?.ended ?? 0).grouped) of \(shape.connections.grouped) connected"
  }
}

extension EchoLoad: EchoConnectionOwner {
  func echoDidBecomeReady(_ connection: EchoConnection) {
    if phase == .preparing { opening?.didEnd() }
  }

  func echoDidComplete(sentAtNs: UInt64, nowNs: UInt64) {
    if isCounting { latency.record(ns: nowNs - sentAtNs) }
  }

  func echoDidSettle(_ connection: EchoConnection) { didSettle() }

  func echoDidEnd(_ connection: EchoConnection, _ failure: APIFailure?) {
    liveCount -= 1
    if let failure { run?.fail(failure) }
    switch phase {
    case .preparing:
      if let failure, failure.isRateLimit {
        wasRefused = true
        opening?.stop()
      }
      opening?.didEnd()
    case .idle, .working, .closing: if liveCount == 0 { end() }
    case .settling: if liveCount == 0 { end() } else { didSettle() }
    case .over: break
    }
  }
}
