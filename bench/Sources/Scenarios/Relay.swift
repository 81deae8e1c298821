/// What the server's WebSocket relay costs: round trips through it to `sidecar-echo`, so that
/// nothing of a sandbox is in the numbers.
final class Relay: Scenario {
  static let name = "relay"
  static let summary = "round trips through the server to sidecar-echo, and their CPU"
  static let options =
    ClientOptions.declared + EchoShape.options + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let load: EchoLoad
  private let direct: DirectPath
  private var meter: ProcessMeter
  private weak var run: Run?

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    meter = try ProcessMeter(arguments)
    load = EchoLoad(try EchoShape(arguments), client, peer: .sidecarEcho, path: direct.path)
  }

  func start(_ run: Run) {
    self.run = run
    load.onMeasure = { [unowned self] in meter.begin() }
    load.onMeasured = { [unowned self] in
      meter.end()
      if let failure = meter.failure { run.fail(failure) }
    }
    load.start(run)
  }

  func interrupt() { load.interrupt() }

  var progress: String { "relay: \(load.progress)" }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [("url", .string(client.target.url)), direct.parameter] + load.shape.parameters
        + [meter.parameter],
      seconds: load.seconds, latencies: [load.latency],
      figures: [("mib_per_second", .number(load.bytesPerSecond / 1_048_576))] + costs)
  }

  /// A message goes through the server twice: it is two frames.
  private var costs: [(String, JSON)] {
    let count = load.latency.count
    let figures = meter.figures(per: "message", count, seconds: load.seconds)
    return figures + meter.figures(per: "frame", 2 * count, seconds: load.seconds).prefix(1)
  }
}
