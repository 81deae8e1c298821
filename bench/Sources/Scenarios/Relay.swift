/// What the server's WebSocket relay costs: round trips through it to `sidecar-echo`, so that
/// nothing of a sandbox is in the numbers.
final class Relay: Scenario {
  static let name = "relay"
  static let summary = "round trips through the server to sidecar-echo, and their CPU"
  static let options =
    ClientOptions.declared + EchoShape.options + [
      CommandOption("--pid", "PID", "the server's: measure its CPU time and memory")
    ]

  let client: ClientOptions
  private let load: EchoLoad
  private let pid: Int?
  /// Before the first connection, then at both ends of what is measured.
  private var idle: ProcessUsage?
  private var before: ProcessUsage?
  private var after: ProcessUsage?
  private weak var run: Run?

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    load = EchoLoad(try EchoShape(arguments), client, peer: .sidecarEcho)
    let wanted = try arguments.integer("--pid", default: 0, in: 1...4_194_304)
    pid = wanted == 0 ? nil : wanted
    guard let pid else { return }
    idle = ProcessUsage(pid: pid)
    if idle == nil { throw UsageError("--pid: there is no process \(pid) whose /proc can be read") }
  }

  func start(_ run: Run) {
    self.run = run
    load.onMeasure = { [unowned self] in before = usage() }
    load.onMeasured = { [unowned self] in after = usage() }
    load.start(run)
  }

  func interrupt() { load.interrupt() }

  private func usage() -> ProcessUsage? {
    guard let pid else { return nil }
    let usage = ProcessUsage(pid: pid)
    if usage == nil { run?.fail("process \(pid) has ended") }
    return usage
  }

  var progress: String { "relay: \(load.progress)" }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [("url", .string(client.target.url))] + load.shape.parameters
        + [("pid", pid.map { .string("\($0)") } ?? .null)],
      seconds: load.seconds, latencies: [load.latency],
      figures: [("mib_per_second", .number(load.bytesPerSecond / 1_048_576))] + costs)
  }

  /// A message goes through the server twice: it is two frames.
  private var costs: [(String, JSON)] {
    guard let idle, let before, let after else { return [] }
    let messages = Double(max(1, load.latency.count))
    let cpuUs = after.cpuUs - before.cpuUs
    return [
      ("cpu_us_per_message", .number(cpuUs / messages)),
      ("cpu_us_per_frame", .number(cpuUs / messages / 2)),
      ("user_us_per_message", .number((after.userUs - before.userUs) / messages)),
      ("cpu_share", .number(load.seconds > 0 ? cpuUs / 1e6 / load.seconds : 0)),
      ("rss_idle_kib", .integer(idle.rssKiB)), ("rss_begin_kib", .integer(before.rssKiB)),
      ("rss_end_kib", .integer(after.rssKiB)),
    ]
  }
}
