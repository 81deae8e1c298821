import Reactor

/// N connections that work side by side, each in a closed loop: it begins the next thing when one
/// is done, so a server that stalls is also loaded less.
final class ConnectionLoad: Load {
  typealias Make = (_ number: Int, Place, any LoadConnectionOwner) -> any LoadConnection

  private enum Phase { case preparing, idle, working, settling, closing, over }

  weak var owner: (any LoadOwner)?
  private(set) var latency: Latency
  private let count: Int
  private let places: Places
  private let make: Make
  private weak var run: Run?
  /// Those whose opening has begun.
  private var connections: [any LoadConnection] = []
  private var opening: Parallel?
  private var liveCount = 0
  /// Of those, how many have something under way after a pause.
  private var unsettledCount = 0
  private var isCounting = false
  /// By the server's rate limit: fewer connections than asked for are not measured.
  private var wasRefused = false
  private var phase = Phase.preparing
  private var deadline: Timer?

  private static let opensAtOnce = 64
  private static let openTimeoutMs: UInt64 = 60_000
  private static let settleTimeoutMs: UInt64 = 10_000

  /// The latency's name is that of what the connections do: `round_trip`. They take the places in
  /// turn.
  init(_ count: Int, _ latency: String, _ places: Places, _ make: @escaping Make) {
    self.count = count
    self.latency = Latency(latency)
    self.places = places
    self.make = make
  }

  var latencies: [Latency] { [latency] }

  // MARK: Getting ready

  func prepare(_ run: Run) {
    self.run = run
    places.find(run) { [self] in
      if $0.isEmpty { end() } else { openAll($0) }
    }
  }

  private func openAll(_ places: [Place]) {
    guard let run else { return }
    deadline = run.loop.after(ms: Self.openTimeoutMs) { [self] in giveUpOpening() }
    let opening = Parallel(total: count) { [self] in
      let connection = make($0, places[$0 % places.count], self)
      connections.append(connection)
      liveCount += 1
      connection.connect(run.loop)
    } onEnd: { [self] in
      didOpen()
    }
    self.opening = opening
    opening.start(Self.opensAtOnce)
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

  // MARK: The end

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

  // MARK: Telling

  /// Connected and not lost.
  var openCount: Int { liveCount }

  /// Of what was counted, at so many bytes each; for the report.
  func throughput(bytes: Int, _ seconds: Double) -> (String, JSON) {
    ("mib_per_second", .number(latency.perSecond(seconds) * Double(bytes) / 1_048_576))
  }

  var progress: String {
    "\((opening?.ended ?? 0).grouped) of \(count.grouped) connected"
  }
}

extension ConnectionLoad: LoadConnectionOwner {
  func connectionDidBecomeReady() {
    if phase == .preparing { opening?.didEnd() }
  }

  func connectionDidComplete(sinceNs: UInt64, nowNs: UInt64) {
    if isCounting { latency.record(ns: nowNs - sinceNs) }
  }

  func connectionDidSettle() { didSettle() }

  func connectionDidEnd(_ failure: APIFailure?) {
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
