import XgenProtocol

/// How much goes out on how many WebSockets.
struct EchoShape {
  let connections: Int
  let sandboxes: Int
  /// Messages under way on each connection.
  let inFlight: Int
  let messageBytes: Int

  static let options = [
    CommandOption("--connections", "N", "WebSockets (default 16)"),
    CommandOption("--sandboxes", "M", "to share them (default: one for 256, a server's limit)"),
    CommandOption("--in-flight", "K", "messages under way on each (default 1)"),
    CommandOption("--size", "S", "bytes a message, or such as 16k (default 64)"),
  ]

  /// A sandbox's stdin message is its payload without the process id.
  private static let maxMessageBytes = WireLimits.maxPayloadBytes - 4
  private static let maxInFlightBytes = 64 * 1024 * 1024

  init(_ arguments: Arguments) throws(UsageError) {
    connections = try arguments.integer("--connections", default: 16, in: 1...9_500)
    sandboxes = try arguments.integer(
      "--sandboxes", default: SandboxMaker.count(for: connections), in: 1...connections)
    inFlight = try arguments.integer("--in-flight", default: 1, in: 1...65_536)
    messageBytes = try arguments.byteCount("--size", default: 64, in: 1...Self.maxMessageBytes)
    if inFlight * messageBytes > Self.maxInFlightBytes {
      throw UsageError("--in-flight × --size is above 64 MiB a connection")
    }
  }

  /// Connections that echo, and before them `stuck` more that never read.
  func load(_ target: Target, _ peer: EchoPeer, _ places: Places, stuck: Int = 0) -> ConnectionLoad
  {
    let settings = EchoSettings(
      target: target, inFlight: inFlight, messageBytes: messageBytes, peer: peer,
      pattern: EchoPattern(messageBytes: messageBytes))
    return ConnectionLoad(connections + stuck, "round_trip", places) { number, place, owner in
      if number < stuck {
        StuckConnection(target, settings.pattern, number: number, place, owner: owner)
      } else {
        EchoConnection(settings, number: number, place, owner: owner)
      }
    }
  }

  /// For the report.
  var parameters: [(String, JSON)] {
    [
      ("connections", .integer(connections)), ("sandboxes", .integer(sandboxes)),
      ("in_flight", .integer(inFlight)), ("size", .integer(messageBytes)),
    ]
  }
}
