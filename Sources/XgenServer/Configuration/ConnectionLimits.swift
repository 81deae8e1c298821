internal import Reactor

/// The limits of client connections that an operator can set, by name: `--limit NAME=VALUE`.
enum ConnectionLimits {
  struct Entry: Sendable {
    let name: String
    let range: ClosedRange<Int>
    let help: String
    let get: @Sendable (HTTPServerLimits) -> Int
    let set: @Sendable (inout HTTPServerLimits, Int) -> Void
  }

  static let all: [Entry] = [
    Entry(
      name: "connections", range: 1...1_000_000, help: "open at once; a WebSocket counts for two",
      get: { $0.maxConnections }, set: { $0.maxConnections = $1 }),
    Entry(
      name: "connections-per-peer", range: 1...1_000_000,
      help: "of one IPv4 address or IPv6 /64; loopback is not counted",
      get: { $0.maxConnectionsPerPeer }, set: { $0.maxConnectionsPerPeer = $1 }),
    Entry(
      name: "requests-per-connection", range: 1...Int.max, help: "then it is closed",
      get: { $0.maxRequestsPerConnection }, set: { $0.maxRequestsPerConnection = $1 }),
    Entry(
      name: "target-bytes", range: 256...65_535, help: "path and query (414)",
      get: { $0.head.maxTargetBytes }, set: { $0.setHead(target: $1) }),
    Entry(
      name: "head-bytes", range: 1024...65_535, help: "request line and headers (431)",
      get: { $0.head.maxHeadBytes }, set: { $0.setHead(bytes: $1) }),
    Entry(
      name: "header-count", range: 8...1000, help: "header lines (431)",
      get: { $0.head.maxHeaderCount }, set: { $0.setHead(count: $1) }),
    Entry(
      name: "handshake-ms", range: 50...600_000, help: "for the handshake of TLS",
      get: { Int($0.handshakeMs) }, set: { $0.handshakeMs = UInt64($1) }),
    Entry(
      name: "head-ms", range: 50...600_000, help: "for a whole request head (408)",
      get: { Int($0.headMs) }, set: { $0.headMs = UInt64($1) }),
    Entry(
      name: "idle-ms", range: 50...3_600_000, help: "between two requests",
      get: { Int($0.idleMs) }, set: { $0.idleMs = UInt64($1) }),
    Entry(
      name: "body-bytes", range: 1024...64 * 1024 * 1024, help: "of a JSON request (413)",
      get: { $0.maxBodyBytes }, set: { $0.maxBodyBytes = $1 }),
    Entry(
      name: "body-stall-ms", range: 50...600_000, help: "without a byte of a body (408)",
      get: { Int($0.bodyStallMs) }, set: { $0.bodyStallMs = UInt64($1) }),
    Entry(
      name: "body-bytes-per-second", range: 1...1_000_000, help: "a body's least rate (408)",
      get: { Int($0.minBodyBytesPerSecond) }, set: { $0.minBodyBytesPerSecond = UInt64($1) }),
    Entry(
      name: "write-stall-ms", range: 50...3_600_000, help: "without a byte taken by the peer",
      get: { Int($0.writeStallMs) }, set: { $0.writeStallMs = UInt64($1) }),
    Entry(
      name: "drain-bytes", range: 0...1024 * 1024 * 1024,
      help: "of a body that nobody reads, to keep its connection",
      get: { Int($0.maxDrainBytes) }, set: { $0.maxDrainBytes = UInt64($1) }),
    Entry(
      name: "linger-ms", range: 50...600_000, help: "for the peer to close after the last answer",
      get: { Int($0.lingerMs) }, set: { $0.lingerMs = UInt64($1) }),
  ]

  /// Reads `NAME=VALUE[,NAME=VALUE…]`.
  static func apply(_ text: String, to limits: inout HTTPServerLimits) throws(SettingError) {
    for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let entry = all.first(where: { $0.name == parts[0] }) else {
        let names = all.map(\.name).joined(separator: ", ")
        throw SettingError(name: "--limit", problem: "'\(pair)' is not NAME=VALUE; names: \(names)")
      }
      let value = try SettingValue.int("--limit \(entry.name)", String(parts[1]), entry.range)
      entry.set(&limits, value)
    }
  }

  /// Lines for the help.
  static var help: String {
    let defaults = HTTPServerLimits()
    return all.map { "        \($0.name)  \($0.help) (\($0.get(defaults)))\n" }.joined()
  }
}

extension HTTPServerLimits {
  fileprivate mutating func setHead(target: Int? = nil, bytes: Int? = nil, count: Int? = nil) {
    head = HTTPLimits(
      maxTargetBytes: target ?? head.maxTargetBytes, maxHeadBytes: bytes ?? head.maxHeadBytes,
      maxHeaderCount: count ?? head.maxHeaderCount)
  }
}
