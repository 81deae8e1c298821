/// Messages from clients to `sidecar-echo`, which counts them: what file writes are made of.
final class Upload: Scenario {
  static let name = "upload"
  static let summary = "a stream of messages to sidecar-echo, on each WebSocket"
  static let options =
    ClientOptions.declared + StreamShape.options
    + [CommandOption("--in-flight", "K", "messages not counted yet on each (default 64)")]
    + WindowShape.options + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let shape: StreamShape
  private let inFlight: Int
  private let load: ConnectionLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    direct = try DirectPath(arguments)
    let shape = try StreamShape(arguments)
    self.shape = shape
    inFlight = try arguments.integer("--in-flight", default: 64, in: 1...65_536)
    let settings = StreamSettings(
      target: client.target, messageBytes: shape.messageBytes, inFlight: inFlight,
      pattern: EchoPattern(messageBytes: shape.messageBytes))
    let places = Places.direct(direct.path, orSandboxes: shape.sandboxes)
    load = ConnectionLoad(shape.connections, "delivery", places) {
      UploadConnection(settings, number: $0, $1, owner: $2)
    }
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "upload: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [("url", .string(client.target.url)), direct.parameter] + shape.parameters
        + [("in_flight", .integer(inFlight))],
      figures: [load.throughput(bytes: shape.messageBytes, windows.seconds)]
        + windows.costs(per: "message", load.latency.count))
  }
}
