/// Round trips of many clients while some never read what is sent to them: what those cost the
/// others. `--stuck 0` is what it is compared with.
final class SlowReader: Scenario {
  static let name = "slow-reader"
  static let summary = "round trips beside clients that send and never read"
  static let options =
    ClientOptions.declared + EchoShape.options
    + [CommandOption("--stuck", "N", "clients more, which never read (default 1)")]
    + WindowShape.options + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let shape: EchoShape
  private let stuck: Int
  private let load: ConnectionLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    shape = try EchoShape(arguments)
    stuck = try arguments.integer("--stuck", default: 1, in: 0...1_000)
    let sandboxes = max(shape.sandboxes, SandboxMaker.count(for: shape.connections + stuck))
    let places = Places.direct(direct.path, orSandboxes: sandboxes)
    load = shape.load(client.target, .sidecarEcho, places, stuck: stuck)
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "slow-reader: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [("url", .string(client.target.url)), direct.parameter] + shape.parameters
        + [("stuck", .integer(stuck))],
      figures: windows.costs(ofRoundTrips: load.latency.count))
  }
}
