import Reactor

/// What connected clients cost that do nothing: memory a pair, CPU time; and whether all of them
/// are still there when all begin to work.
///
/// ```
/// first 100 connect and work once ─▶ memory ─▶ the others connect, settle ─▶ memory
///   ─▶ hold: nothing happens ─▶ all work ─▶ all close
/// ```
/// What a server takes once, for its first clients, is no part of the difference.
final class Idle: Scenario, LoadOwner {
  static let name = "idle"
  static let summary = "memory and CPU of connected clients that do nothing"
  static let options =
    ClientOptions.declared + [
      CommandOption("--connections", "N", "WebSockets (default 9500)"),
      CommandOption("--settle", "T", "seconds after the last connect (default 2)"),
      CommandOption("--hold", "T", "seconds of idleness that are measured (default 2)"),
      CommandOption("--active", "T", "seconds in which all work at the end (default 1)"),
      DirectPath.option, ProcessMeter.option,
    ]

  private enum Phase {
    case openingFirst, exercising, openingOthers, holding, working, pausing, closing
  }

  let client: ClientOptions
  private let connections: Int
  private let times: (settle: Double, hold: Double, active: Double)
  private let direct: DirectPath
  private let meter: ProcessMeter
  private let first: ConnectionLoad
  private let others: ConnectionLoad
  private weak var run: Run?
  private var phase = Phase.openingFirst
  private var timer: Timer?
  /// With the first clients; with all, at both ends of the hold.
  private var usages: [ProcessUsage] = []
  private var settledCount = 0
  private var endedCount = 0
  private var openAtEnd = 0
  private var activeSinceNs: UInt64 = 0
  private var activeSeconds = 0.0

  private static let firstCount = 100
  private static let messageBytes = 64

  init(_ arguments: Arguments) throws(UsageError) {
    let client = try ClientOptions(arguments)
    self.client = client
    connections = try arguments.integer(
      "--connections", default: 9_500, in: Self.firstCount + 1...9_900)
    times = (
      try arguments.seconds("--settle", default: 2, in: 0...3_600),
      try arguments.seconds("--hold", default: 2, in: 0.1...36_000),
      try arguments.seconds("--active", default: 1, in: 0.1...3_600)
    )
    let direct = try DirectPath(arguments)
    self.direct = direct
    meter = try ProcessMeter(arguments)
    let settings = EchoSettings(
      target: client.target, inFlight: 1, messageBytes: Self.messageBytes, peer: .sidecarEcho,
      pattern: EchoPattern(messageBytes: Self.messageBytes))
    func load(_ count: Int) -> ConnectionLoad {
      let places = Places.direct(direct.path, orSandboxes: SandboxMaker.count(for: count))
      return ConnectionLoad(count, "round_trip", places) {
        EchoConnection(settings, number: $0, $1, owner: $2)
      }
    }
    first = load(Self.firstCount)
    others = load(connections - Self.firstCount)
  }

  private var loads: [ConnectionLoad] { [first, others] }

  func start(_ run: Run) {
    self.run = run
    for load in loads { load.owner = self }
    first.prepare(run)
  }

  func loadIsReady() {
    switch phase {
    case .openingFirst:
      phase = .exercising
      first.begin()
      first.pause()
    case .openingOthers:
      phase = .holding
      after(times.settle) { [self] in hold() }
    case .exercising, .holding, .working, .pausing, .closing: break
    }
  }

  private func hold() {
    note()
    after(times.hold) { [self] in
      note()
      work()
    }
  }

  private func note() {
    if let usage = meter.usage { usages.append(usage) }
  }

  private func work() {
    phase = .working
    activeSinceNs = Clock.nowNs()
    for load in loads {
      load.startCounting()
      load.begin()
    }
    after(times.active) { [self] in
      activeSeconds = Clock.secondsSince(activeSinceNs)
      phase = .pausing
      for load in loads {
        load.stopCounting()
        load.pause()
      }
    }
  }

  private func after(_ seconds: Double, _ body: @escaping () -> Void) {
    timer = run?.loop.after(ms: UInt64(seconds * 1000), body)
  }

  func loadDidSettle() {
    if phase == .exercising {
      note()
      phase = .openingOthers
      if let run { others.prepare(run) }
    } else {
      settledCount += 1
      if settledCount == loads.count { close() }
    }
  }

  private func close() {
    openAtEnd = loads.reduce(0) { $0 + $1.openCount }
    phase = .closing
    for load in loads { load.close() }
  }

  /// One that ends unasked ends the run.
  func loadDidEnd() {
    endedCount += 1
    if phase == .closing && endedCount < loads.count { return }
    timer?.cancel()
    if phase != .closing { for load in loads { load.interrupt() } }
    run?.finish()
  }

  func interrupt() {
    timer?.cancel()
    for load in loads { load.interrupt() }
  }

  var progress: String {
    switch phase {
    case .openingFirst, .exercising: "idle: first clients"
    case .openingOthers: "idle: \(others.progress)"
    case .holding: "idle: \((first.openCount + others.openCount).grouped) connected, holding"
    case .working, .pausing, .closing: "idle: all are active"
    }
  }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [
        ("url", .string(client.target.url)), direct.parameter,
        ("connections", .integer(connections)), ("settle", .number(times.settle)),
        ("hold", .number(times.hold)), ("active", .number(times.active)), meter.parameter,
      ],
      seconds: activeSeconds, latencies: others.latencies, figures: figures)
  }

  private var figures: [(String, JSON)] {
    let lost: (String, JSON) = ("lost", .integer(connections - openAtEnd))
    guard usages.count == 3 else { return [lost] }
    let bytes = Double((usages[1].rssKiB - usages[0].rssKiB) * 1024)
    let cpuUs = usages[2].cpuUs - usages[1].cpuUs
    return [
      ("rss_bytes_per_pair", .number(bytes / Double(connections - Self.firstCount))),
      ("rss_first_kib", .integer(usages[0].rssKiB)), ("rss_all_kib", .integer(usages[1].rssKiB)),
      ("idle_cpu_us_per_second", .number(cpuUs / times.hold)), lost,
    ]
  }
}
