/// How much is streamed on how many WebSockets, one way.
struct StreamShape {
  let connections: Int
  let sandboxes: Int
  let messageBytes: Int

  static let options = [
    CommandOption("--connections", "N", "WebSockets (default 16)"),
    CommandOption("--sandboxes", "M", "to share them (default: one for 256, a server's limit)"),
    CommandOption("--size", "S", "bytes a message, or such as 16k (default 16k)"),
  ]

  init(_ arguments: Arguments) throws(UsageError) {
    connections = try arguments.integer("--connections", default: 16, in: 1...9_500)
    sandboxes = try arguments.integer(
      "--sandboxes", default: SandboxMaker.count(for: connections), in: 1...connections)
    messageBytes = try arguments.byteCount(
      "--size", default: 16 * 1024, in: StreamOrder.sizes)
  }

  /// For the report.
  var parameters: [(String, JSON)] {
    [
      ("connections", .integer(connections)), ("sandboxes", .integer(sandboxes)),
      ("size", .integer(messageBytes)),
    ]
  }
}
