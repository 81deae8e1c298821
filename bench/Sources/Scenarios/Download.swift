/// Messages from `sidecar-echo` to clients as fast as they are taken: what terminals and file
/// reads are made of.
final class Download: Scenario {
  static let name = "download"
  static let summary = "a stream of messages from sidecar-echo, on each WebSocket"
  static let options =
    ClientOptions.declared + StreamShape.options + WindowShape.options
    + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let shape: StreamShape
  private let load: ConnectionLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    let shape = try StreamShape(arguments)
    self.shape = shape
    let settings = StreamSettings(
      target: client.target, messageBytes: shape.messageBytes, inFlight: 0,
      pattern: EchoPattern(messageBytes: shape.messageBytes))
    let places = Places.direct(direct.path, orSandboxes: shape.sandboxes)
    load = ConnectionLoad(shape.connections, "delivery", places) {
      DownloadConnection(settings, number: $0, $1, owner: $2)
    }
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "download: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name, [("url", .string(client.target.url)), direct.parameter] + shape.parameters,
      figures: [load.throughput(bytes: shape.messageBytes, windows.seconds)]
        + windows.costs(per: "message", load.latency.count))
  }
}
