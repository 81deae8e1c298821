/// Limits of a reverse proxy's connections to the servers behind it, each with its default.
public struct UpstreamLimits: Sendable {
  /// A response's head.
  public var head = HTTPLimits(maxHeadBytes: Int(UInt16.max), maxHeaderCount: 200)
  /// 1xx before the final response.
  public var maxInterimResponses = 16
  /// Idle connections kept for one server.
  public var maxIdlePerUpstream = 32
  /// Idle connections kept in all.
  public var maxIdle = 512
  /// How long an idle connection is kept: less than Node's servers keep theirs (5 s), so that
  /// requests seldom meet one that is being closed.
  public var idleMs: UInt64 = 4_000
  /// From the request's end to the end of the response's head.
  public var headMs: UInt64 = 300_000
  /// Without a byte of the response's body. Streams of events may be silent for long.
  public var bodyIdleMs: UInt64 = 3_600_000
  /// Without a byte taken by the server.
  public var writeStallMs: UInt64 = 60_000
  /// For the rest of the response, once the client has ended its direction: it may be gone.
  public var halfCloseMs: UInt64 = 10_000
  /// Body bytes that are sent together with a head instead of by a system call of their own.
  public var maxCoalescedBytes = 16 * 1024
  /// A spliced pair without a byte in either direction.
  public var spliceIdleMs: UInt64 = 3_600_000
  /// A spliced pair of which one direction has ended, without a byte.
  public var spliceEndMs: UInt64 = 60_000
  /// How often the deadlines are looked at: there is no timer per connection.
  public var sweepMs: UInt64 = 500

  public init() {}
}
