import Reactor

/// Round trips through N WebSockets, from the first sandbox's creation to the last echo.
///
/// A closed loop: a connection sends its next message when one is back, so a server that stalls
/// is also loaded less.
final class EchoLoad {
  private enum Phase { case preparing, warmingUp, measuring, draining, over }

  let shape: EchoShape
  private(set) var latency = Latency("round_trip")
  /// How long was measured.
  private(set) var seconds = 0.0
  /// At the begin and at the end of what is measured, with all connections open.
  var onMeasure: (() -> Void)?
  var onMeasured: (() -> Void)?

  private let client: ClientOptions
  private let peer: EchoPeer
  /// Where all WebSockets go, instead of to sandboxes.
  private let path: String?
  private let pattern: EchoPattern
  private weak var run: Run?
  /// Those whose opening has begun.
  private var connections: [EchoConnection] = []
  private var creating: Parallel?
  private var opening: Parallel?
  private var liveCount = 0
  /// By the server's rate limit: fewer connections than asked for are not measured.
  private var wasRefused = false
  private var phase = Phase.preparing
  private var deadline: Timer?
  private var startNs: UInt64 = 0

  private static let createsAtOnce = 4
  private static let handshakesAtOnce = 64
  private static let openTimeoutMs: UInt64 = 60_000
  private static let drainTimeoutMs: UInt64 = 10_000

  /// Without a path, sandboxes are made.
  init(_ shape: EchoShape, _ client: ClientOptions, peer: EchoPeer, path: String?) {
    self.shape = shape
    self.client = client
    self.peer = peer
    self.path = path
    pattern = EchoPattern(messageBytes: shape.messageBytes)
  }

  // MARK: Getting ready

  func start(_ run: Run) {
    self.run = run
    if let path { return openAll([path], []) }
    var paths: [String] = []
    let creating = Parallel(total: shape.sandboxes) { [self] _ in
      run.sandboxes.create { [self] result in
        if run.isOver { return }
        switch result {
        case .failure(let failure): run.fail(failure)
        case .success(let id): paths.append("/api/v1/sandboxes/\(id)/ws")
        }
        self.creating?.didEnd()
      }
    } onEnd: { [self] in
      if paths.count < shape.sandboxes { finish() } else { openAll(paths, run.api.authorization) }
    }
    self.creating = creating
    creating.start(Self.createsAtOnce)
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
      load(run)
    }
    self.opening = opening
    opening.start(Self.handshakesAtOnce)
  }

  private func giveUpOpening() {
    opening?.stop()
    for connection in connections where !connection.isReady { connection.giveUp() }
  }

  // MARK: Load

  /// All connections are ready or have failed.
  private func load(_ run: Run) {
    deadline?.cancel()
    if liveCount == 0 { return finish() }
    if wasRefused { return drain(run) }
    phase = .warmingUp
    for connection in connections { connection.begin() }
    deadline = run.loop.after(ms: UInt64(shape.warmUpSeconds * 1000)) { [self] in measure(run) }
  }

  private func measure(_ run: Run) {
    phase = .measuring
    onMeasure?()
    startNs = Clock.nowNs()
    deadline = run.loop.after(ms: UInt64(shape.seconds * 1000)) { [self] in drain(run) }
  }

  private func drain(_ run: Run) {
    stopMeasuring()
    phase = .draining
    deadline = run.loop.after(ms: Self.drainTimeoutMs) { [self] in giveUp() }
    for connection in connections { connection.finish() }
  }

  private func stopMeasuring() {
    guard phase == .measuring else { return }
    seconds = Clock.secondsSince(startNs)
    onMeasured?()
  }

  private func giveUp() {
    for connection in connections { connection.giveUp() }
  }

  private func finish() {
    stopMeasuring()
    phase = .over
    deadline?.cancel()
    deadline = nil
    run?.finish()
  }

  func interrupt() {
    stopMeasuring()
    phase = .over
    deadline?.cancel()
    opening?.stop()
    for connection in connections { connection.abort() }
  }

  var progress: String {
    switch phase {
    case .preparing:
      return "\((opening?.ended ?? 0).grouped) of \(shape.connections.grouped) connected"
    case .warmingUp: return "warming up"
    case .measuring:
      let now = Clock.secondsSince(startNs)
      let rate = latency.perSecond(now).grouped
      let time = "\(now.fixed(decimals: 0)) of \(shape.seconds.fixed(decimals: 0)) s"
      return "\(time), \(latency.count.grouped) messages, \(rate)/s"
    case .draining, .over: return "waiting for the last messages"
    }
  }

  /// One way.
  var bytesPerSecond: Double { latency.perSecond(seconds) * Double(shape.messageBytes) }
}

extension EchoLoad: EchoConnectionOwner {
  func echoDidBecomeReady(_ connection: EchoConnection) {
    if phase == .preparing { opening?.didEnd() }
  }

  func echoDidComplete(sentAtNs: UInt64, nowNs: UInt64) {
    guard phase == .measuring else { return }
    latency.record(ns: nowNs - sentAtNs)
  }

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
    case .warmingUp, .measuring, .draining: if liveCount == 0 { finish() }
    case .over: break
    }
  }
}
