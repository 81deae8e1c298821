import Glibc

/// One file, or whatever it is, over and over: for servers and proxies of any kind.
final class HTTPGet: Scenario {
  static let name = "http-get"
  static let summary = "GET of one URL on kept connections"
  static let options =
    ClientOptions.declared + [
      CommandOption("--path", "PATH", "what to get (default /)"),
      CommandOption("--host", "HOST", "of the Host header (default that of --url)"),
      CommandOption("--preview", "PORT", "of a new sandbox, by its name under --domain"),
      CommandOption("--domain", "DOMAIN", "of previews (default preview.localhost)"),
      CommandOption("--size", "S", "bytes that its body must have (default: those of the first)"),
      CommandOption("--of-echo", nil, "the body is that of sidecar-echo's /bytes/SIZE"),
      CommandOption("--concurrency", "C", "connections (default 16)"),
    ] + WindowShape.options + [ProcessMeter.option]

  let client: ClientOptions
  private let path: String
  private let host: String
  private let concurrency: Int
  private let load: ConnectionLoad
  private let windows: Windows
  private let body: SameBody

  init(_ arguments: Arguments) throws(UsageError) {
    let client = try ClientOptions(arguments)
    self.client = client
    path = try arguments.path("--path") ?? "/"
    let host = try arguments.text("--host") ?? client.target.host
    self.host = host
    concurrency = try arguments.integer("--concurrency", default: 16, in: 1...9_500)
    let size = try arguments.byteCount("--size", default: 0, in: 1...64 * 1024 * 1024)
    let body = SameBody()
    self.body = body
    if arguments.isSet("--of-echo") {
      if size == 0 { throw UsageError("--of-echo needs --size") }
      body.expected = EchoPattern(messageBytes: size).prefix(size)
    }
    let settings = HTTPSettings(target: client.target, host: host) { status, bytes in
      if status != 200 { return "status \(status)" }
      if size > 0 && bytes.count != size { return "the body has \(bytes.count.grouped) bytes" }
      return body.judge(bytes) { _ in nil }
    }
    load = ConnectionLoad(concurrency, "request", try Self.places(arguments, path, concurrency)) {
      HTTPWorker(settings, number: $0, $1, owner: $2)
    }
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  /// A sandbox's previews take fewer connections than its WebSockets.
  private static let previewConnectionsEach = 128

  private static func places(
    _ arguments: Arguments, _ path: String, _ concurrency: Int
  ) throws(UsageError) -> Places {
    let port = try arguments.integer("--preview", default: 0, in: 1...65_535)
    let domain = try arguments.text("--domain") ?? "preview.localhost"
    if port == 0 { return .fixed(path) }
    let count = (concurrency + previewConnectionsEach - 1) / previewConnectionsEach
    return .previews(count, port: port, path, domain: domain)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "http-get: \(windows.progress)" }

  var report: Report {
    let bodyBytes = body.expected?.count ?? 0
    return windows.report(
      Self.name,
      [
        ("url", .string(client.target.url)), ("path", .string(path)), ("host", .string(host)),
        ("concurrency", .integer(concurrency)), ("size", .integer(bodyBytes)),
      ],
      figures: [load.throughput(bytes: bodyBytes, windows.seconds)]
        + windows.costs(per: "request", load.latency.count))
  }
}

/// A body that must be the same each time.
final class SameBody {
  /// Nil until the first has come.
  var expected: [UInt8]?

  /// The first is judged by `first`, the others by being equal to it.
  func judge(
    _ bytes: UnsafeRawBufferPointer, _ first: (UnsafeRawBufferPointer) -> String?
  ) -> String? {
    guard let expected else {
      let problem = first(bytes)
      if problem == nil { self.expected = Array(bytes) }
      return problem
    }
    let isSame =
      bytes.count == expected.count
      && (bytes.isEmpty
        || expected.withUnsafeBytes {
          memcmp($0.baseAddress!, bytes.baseAddress!, bytes.count) == 0
        })
    return isSame ? nil : "the body is not what it was the first time"
  }
}
