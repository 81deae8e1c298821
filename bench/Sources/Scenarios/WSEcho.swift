import Reactor
import XgenProtocol

/// Round trips through N WebSockets to a sandbox, with `cat` at the end of each.
///
/// A closed loop: a connection sends its next message when one is back, so a server that stalls
/// is also loaded less.
final class WSEcho: Scenario {
  private enum Phase { case preparing, warmingUp, measuring, draining, over }

  static let name = "ws-echo"
  static let summary = "round trips through WebSockets and cat in a sandbox"
  static let options =
    ClientOptions.declared + [
      CommandOption("--connections", "N", "WebSockets (default 16)"),
      CommandOption("--sandboxes", "M", "to share them (default: one for 256, a server's limit)"),
      CommandOption("--in-flight", "K", "messages under way on each (default 1)"),
      CommandOption("--size", "S", "bytes a message, or such as 16k (default 64)"),
      CommandOption("--seconds", "T", "how long to measure (default 5)"),
      CommandOption("--warm-up", "T", "seconds of load before that (default 0.5)"),
      CommandOption("--plain", nil, "the URL is a ws-echo-server: no sandbox, no envelope"),
    ]

  let client: ClientOptions
  private let connectionCount: Int
  private let sandboxCount: Int
  private let inFlight: Int
  private let size: Int
  private let wantedSeconds: Double
  private let warmUpSeconds: Double
  private let isPlain: Bool

  private weak var run: Run?
  private let pattern: EchoPattern
  /// Those whose opening has begun.
  private var connections: [EchoConnection] = []
  private var creating: Parallel?
  private var opening: Parallel?
  private var liveCount = 0
  /// By the server's rate limit: fewer connections than asked for are not measured.
  private var wasRefused = false
  private var phase = Phase.preparing
  private var deadline: Timer?
  private var latency = Latency("round_trip")
  private var startNs: UInt64 = 0
  private var seconds = 0.0

  /// A sandbox's stdin message is its payload without the process id.
  private static let maxMessageBytes = WireLimits.maxPayloadBytes - 4
  private static let maxInFlightBytes = 64 * 1024 * 1024
  private static let createsAtOnce = 4
  private static let handshakesAtOnce = 64
  private static let openTimeoutMs: UInt64 = 60_000
  private static let drainTimeoutMs: UInt64 = 10_000

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    connectionCount = try arguments.integer("--connections", default: 16, in: 1...9_500)
    sandboxCount = try arguments.integer(
      "--sandboxes", default: (connectionCount + 255) / 256, in: 1...connectionCount)
    inFlight = try arguments.integer("--in-flight", default: 1, in: 1...65_536)
    size = try arguments.byteCount("--size", default: 64, in: 1...Self.maxMessageBytes)
    wantedSeconds = try arguments.seconds("--seconds", default: 5, in: 0.1...3_000)
    warmUpSeconds = try arguments.seconds("--warm-up", default: 0.5, in: 0...300)
    isPlain = arguments.isSet("--plain")
    if inFlight * size > Self.maxInFlightBytes {
      throw UsageError("--in-flight × --size is above 64 MiB a connection")
    }
    pattern = EchoPattern(messageBytes: size)
  }

  // MARK: Getting ready

  func start(_ run: Run) {
    self.run = run
    if isPlain { return openAll(["/"], []) }
    var paths: [String] = []
    let creating = Parallel(total: sandboxCount) { [self] _ in
      run.sandboxes.create { [self] result in
        if run.isOver { return }
        switch result {
        case .failure(let failure): run.fail(failure)
        case .success(let id): paths.append("/api/v1/sandboxes/\(id)/ws")
        }
        self.creating?.didEnd()
      }
    } onEnd: { [self] in
      if paths.count < sandboxCount { finish() } else { openAll(paths, run.api.authorization) }
    }
    self.creating = creating
    creating.start(Self.createsAtOnce)
  }

  /// The connections take the paths in turn.
  private func openAll(_ paths: [String], _ fields: [HTTPField]) {
    guard let run else { return }
    let settings = EchoSettings(
      target: client.target, fields: fields, inFlight: inFlight, messageBytes: size,
      isPlain: isPlain)
    deadline = run.loop.after(ms: Self.openTimeoutMs) { [self] in giveUpOpening() }
    let opening = Parallel(total: connectionCount) { [self] in
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
    deadline = run.loop.after(ms: UInt64(warmUpSeconds * 1000)) { [self] in measure(run) }
  }

  private func measure(_ run: Run) {
    phase = .measuring
    startNs = Clock.nowNs()
    deadline = run.loop.after(ms: UInt64(wantedSeconds * 1000)) { [self] in drain(run) }
  }

  private func drain(_ run: Run) {
    stopMeasuring()
    phase = .draining
    deadline = run.loop.after(ms: Self.drainTimeoutMs) { [self] in giveUp() }
    for connection in connections { connection.finish() }
  }

  private func stopMeasuring() {
    if phase == .measuring { seconds = Clock.secondsSince(startNs) }
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
}

extension WSEcho: EchoConnectionOwner {
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

extension WSEcho {
  var progress: String {
    switch phase {
    case .preparing:
      return "ws-echo: \((opening?.ended ?? 0).grouped) of \(connectionCount.grouped) connected"
    case .warmingUp: return "ws-echo: warming up"
    case .measuring:
      let now = Clock.secondsSince(startNs)
      let rate = latency.perSecond(now).grouped
      let time = "\(now.fixed(decimals: 0)) of \(wantedSeconds.fixed(decimals: 0)) s"
      return "ws-echo: \(time), \(latency.count.grouped) messages, \(rate)/s"
    case .draining, .over: return "ws-echo: waiting for the last messages"
    }
  }

  var report: Report {
    let bytesPerSecond = latency.perSecond(seconds) * Double(size)
    return Report(
      scenario: Self.name,
      parameters: [
        ("url", .string(client.target.url)), ("connections", .integer(connectionCount)),
        ("sandboxes", .integer(isPlain ? 0 : sandboxCount)),
        ("in_flight", .integer(inFlight)), ("size", .integer(size)),
        ("seconds", .number(wantedSeconds)), ("warm_up", .number(warmUpSeconds)),
        ("plain", .bool(isPlain)),
      ],
      seconds: seconds, latencies: [latency],
      figures: [("mib_per_second", .number(bytesPerSecond / 1_048_576))])
  }
}
