/// Round trips through N WebSockets to a sandbox, with `cat` at the end of each.
final class WSEcho: Scenario {
  static let name = "ws-echo"
  static let summary = "round trips through WebSockets and cat in a sandbox"
  static let options =
    ClientOptions.declared + EchoShape.options + WindowShape.options + [
      CommandOption("--plain", nil, "the URL is a ws-echo-server: no sandbox, no envelope"),
      ProcessMeter.option,
    ]

  let client: ClientOptions
  private let isPlain: Bool
  private let shape: EchoShape
  private let load: ConnectionLoad
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    isPlain = arguments.isSet("--plain")
    shape = try EchoShape(arguments)
    load =
      isPlain
      ? shape.load(client.target, .plain, .fixed("/"))
      : shape.load(client.target, .cat, .sandboxes(shape.sandboxes))
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "ws-echo: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [("url", .string(client.target.url))]
        + shape.parameters.filter { !isPlain || $0.0 != "sandboxes" }
        + [("plain", .bool(isPlain))],
      figures: [load.throughput(bytes: shape.messageBytes, windows.seconds)]
        + windows.costs(per: "message", load.latency.count))
  }
}
