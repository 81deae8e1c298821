/// Round trips through N WebSockets to a sandbox, with `cat` at the end of each.
final class WSEcho: Scenario {
  static let name = "ws-echo"
  static let summary = "round trips through WebSockets and cat in a sandbox"
  static let options =
    ClientOptions.declared + EchoShape.options + [
      CommandOption("--plain", nil, "the URL is a ws-echo-server: no sandbox, no envelope")
    ]

  let client: ClientOptions
  private let isPlain: Bool
  private let load: EchoLoad

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    isPlain = arguments.isSet("--plain")
    load = EchoLoad(try EchoShape(arguments), client, peer: isPlain ? .plain : .cat,
      path: isPlain ? "/" : nil)
  }

  func start(_ run: Run) { load.start(run) }

  func interrupt() { load.interrupt() }

  var progress: String { "ws-echo: \(load.progress)" }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [("url", .string(client.target.url))]
        + load.shape.parameters.filter { !isPlain || $0.0 != "sandboxes" }
        + [("plain", .bool(isPlain))],
      seconds: load.seconds, latencies: [load.latency],
      figures: [("mib_per_second", .number(load.bytesPerSecond / 1_048_576))])
  }
}
