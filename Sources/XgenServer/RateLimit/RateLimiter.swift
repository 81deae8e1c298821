internal import Reactor

/// Token buckets by client name, bounded in number. Time is a parameter.
struct RateLimiter {
  private struct Bucket {
    var tokens: Double
    var atMs: UInt64
  }

  /// Requests per minute of clients that have no limit of their own; 0 turns it off.
  let perMinute: Int
  private var buckets: [String: Bucket] = [:]
  /// Shared by all that find the table full of clients that are busy.
  private var overflow: Bucket
  /// When the table was last searched for buckets to drop.
  private var droppedAtMs: UInt64 = 0

  /// Between two searches, so that a crowd of new clients does not cost one each.
  private static let dropEveryMs: UInt64 = 1_000

  init(perMinute: Int) {
    self.perMinute = perMinute
    overflow = Bucket(tokens: Double(perMinute), atMs: 0)
  }

  /// Nothing is counted but clients that have a limit of their own.
  var isOff: Bool { perMinute <= 0 }

  /// Takes one request of a client, whose own limit may be another one than the server's; nil where
  /// nothing is counted.
  mutating func take(_ client: String, perMinute own: Int? = nil, nowMs: UInt64) -> RateState? {
    let perMinute = own ?? self.perMinute
    if perMinute <= 0 { return nil }
    if let index = buckets.index(forKey: client) {
      return Self.take(&buckets.values[index], perMinute, nowMs)
    }
    if buckets.count >= Limits.maxRateBuckets { dropFull(nowMs) }
    if buckets.count >= Limits.maxRateBuckets {
      return self.perMinute > 0 ? Self.take(&overflow, self.perMinute, nowMs) : nil
    }
    var bucket = Bucket(tokens: Double(perMinute), atMs: nowMs)
    defer { buckets[client] = bucket }
    return Self.take(&bucket, perMinute, nowMs)
  }

  private static func take(
    _ bucket: inout Bucket, _ perMinute: Int, _ nowMs: UInt64
  ) -> RateState {
    let perMs = Double(perMinute) / 60_000
    let elapsedMs = Double(nowMs - min(nowMs, bucket.atMs))
    bucket.tokens = min(Double(perMinute), bucket.tokens + elapsedMs * perMs)
    bucket.atMs = nowMs
    let isAllowed = bucket.tokens >= 1
    if isAllowed { bucket.tokens -= 1 }
    func seconds(until tokens: Double) -> Int {
      Int((max(0, tokens - bucket.tokens) / perMs / 1000).rounded(.up))
    }
    return RateState(
      limit: perMinute, remaining: Int(bucket.tokens),
      resetSeconds: seconds(until: Double(perMinute)),
      retryAfterSeconds: isAllowed ? nil : max(1, seconds(until: 1)))
  }

  /// A bucket that is full again says no more than an absent one.
  private mutating func dropFull(_ nowMs: UInt64) {
    if droppedAtMs > 0 && nowMs - min(nowMs, droppedAtMs) < Self.dropEveryMs { return }
    droppedAtMs = nowMs
    buckets = buckets.filter { nowMs - min(nowMs, $0.value.atMs) < 60_000 }
  }
}

/// What a client may still do, as it is told on every answer.
struct RateState: Equatable, Sendable {
  /// Requests a minute, and at once.
  let limit: Int
  /// Requests that would be let through now.
  let remaining: Int
  /// Until all of `limit` are there again.
  let resetSeconds: Int
  /// Until the next request is let through; nil if this one was.
  let retryAfterSeconds: Int?

  var fields: [HTTPField] {
    [
      Self.limitField.with(limit), Self.remainingField.with(remaining),
      Self.resetField.with(resetSeconds),
    ]
  }

  private static let limitField = HTTPField(fixed: "RateLimit-Limit", 0)
  private static let remainingField = HTTPField(fixed: "RateLimit-Remaining", 0)
  private static let resetField = HTTPField(fixed: "RateLimit-Reset", 0)
}
