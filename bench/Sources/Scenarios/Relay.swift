/// What the server's WebSocket relay costs: round trips through it to `sidecar-echo`, so that
/// nothing of a sandbox is in the numbers.
final class Relay: Scenario {
  static let name = "relay"
  static let summary = "round trips through the server to sidecar-echo, and their CPU"
  static let options =
    ClientOptions.declared + EchoShape.options + WindowShape.options
    + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let shape: EchoShape
  private let load: ConnectionLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    shape = try EchoShape(arguments)
    load = shape.load(
      client.target, .sidecarEcho, .direct(direct.path, orSandboxes: shape.sandboxes))
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "relay: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name, [("url", .string(client.target.url)), direct.parameter] + shape.parameters,
      figures: [load.throughput(bytes: shape.messageBytes, windows.seconds)]
        + windows.costs(ofRoundTrips: load.latency.count))
  }
}
