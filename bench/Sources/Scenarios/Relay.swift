/// What the server's WebSocket relay costs: round trips through it to `sidecar-echo`, so that
/// nothing of a sandbox is in the numbers.
final class Relay: Scenario {
  static let name = "relay"
  static let summary = "round trips through the server to sidecar-echo, and their CPU"
  static let options =
    ClientOptions.declared + EchoShape.options + WindowShape.options
    + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let load: EchoLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    load = EchoLoad(try EchoShape(arguments), client, peer: .sidecarEcho, path: direct.path)
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "relay: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [("url", .string(client.target.url)), direct.parameter] + load.shape.parameters,
      figures: [load.throughput(windows.seconds)] + costs)
  }

  /// A message goes through the server twice: it is two frames.
  private var costs: [(String, JSON)] {
    let count = load.latency.count
    return windows.costs(per: "message", count)
      + windows.costs(per: "frame", 2 * count).prefix(1)
  }
}
