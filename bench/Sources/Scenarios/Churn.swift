/// Clients that come and go: connect, upgrade with a token, the dial to `sidecar-echo` behind it,
/// one echo, close.
final class Churn: Scenario {
  static let name = "churn"
  static let summary = "WebSockets that are opened, used once and closed"
  static let options =
    ClientOptions.declared + [
      CommandOption("--concurrency", "C", "at a time (default 16)"),
      CommandOption("--size", "S", "bytes of the one message (default 64)"),
    ] + WindowShape.options + [DirectPath.option, ProcessMeter.option]

  let client: ClientOptions
  private let concurrency: Int
  private let messageBytes: Int
  private let load: ConnectionLoad
  private let direct: DirectPath
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    let client = try ClientOptions(arguments)
    self.client = client
    direct = try DirectPath(arguments)
    concurrency = try arguments.integer("--concurrency", default: 16, in: 1...256)
    let messageBytes = try arguments.byteCount("--size", default: 64, in: 1...64 * 1024)
    self.messageBytes = messageBytes
    let pattern = EchoPattern(messageBytes: messageBytes)
    let places = direct.path.map { Places.fixed($0) } ?? Places.sandboxes(1).withToken()
    load = ConnectionLoad(concurrency, "connection", places) {
      ChurnWorker(
        client.target, pattern, messageBytes: messageBytes, number: $0, $1, owner: $2)
    }
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "churn: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [
        ("url", .string(client.target.url)), direct.parameter,
        ("concurrency", .integer(concurrency)), ("size", .integer(messageBytes)),
      ],
      figures: windows.costs(per: "connection", load.latency.count))
  }
}
