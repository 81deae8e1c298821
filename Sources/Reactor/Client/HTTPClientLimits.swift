/// How long a request of ours may take, in milliseconds.
public struct HTTPClientTimeouts: Sendable {
  /// For the stream to connect, a TLS handshake included.
  public var connectMs: UInt64 = 5_000
  /// From the request's end to the end of the response's head.
  public var headMs: UInt64 = 10_000
  /// Without a byte of the response's body, or of the request's taken by the peer. What waits for
  /// us (paused reading, a body that its maker has not gone on with) does not count.
  public var bodyIdleMs: UInt64 = 30_000
  /// For all of it; nil: as long as it moves.
  public var wholeMs: UInt64?

  public init() {}

  /// One limit for all of it and none for its parts.
  public init(wholeMs: UInt64) {
    self.wholeMs = wholeMs
    connectMs = .max
    headMs = .max
    bodyIdleMs = .max
  }
}

/// Limits of client connections and of a pool of them, each with its default.
public struct HTTPClientLimits: Sendable {
  /// A response's head.
  public var head = HTTPLimits()
  /// 1xx before the final response.
  public var maxInterimResponses = 16
  /// Idle connections kept for one destination.
  public var maxIdlePerDestination = 4
  /// Idle connections kept in all; each costs a descriptor here and one at its peer.
  public var maxIdle = 256
  /// How long an idle connection is kept: less than servers keep theirs (ours: 75 s), so that
  /// requests seldom meet one that is being closed.
  public var idleMs: UInt64 = 30_000
  /// How often the idle ones are looked at: there is no timer per connection.
  public var sweepMs: UInt64 = 1_000

  public init() {}
}
