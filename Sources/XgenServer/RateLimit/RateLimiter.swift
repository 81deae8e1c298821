/// Token buckets by client name, bounded in number. Time is a parameter.
struct RateLimiter {
  private struct Bucket {
    var tokens: Double
    var atMs: UInt64
  }

  /// Requests per minute; 0 turns it off.
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

  /// Takes one request; returns nil, or in how many seconds the next one is allowed.
  mutating func take(_ client: String, nowMs: UInt64) -> Int? {
    if perMinute <= 0 { return nil }
    if buckets[client] == nil {
      if buckets.count >= Limits.maxRateBuckets { dropFull(nowMs) }
      if buckets.count >= Limits.maxRateBuckets { return Self.take(&overflow, perMinute, nowMs) }
      buckets[client] = Bucket(tokens: Double(perMinute), atMs: nowMs)
    }
    return Self.take(&buckets[client]!, perMinute, nowMs)
  }

  private static func take(_ bucket: inout Bucket, _ perMinute: Int, _ nowMs: UInt64) -> Int? {
    let perMs = Double(perMinute) / 60_000
    let elapsedMs = Double(nowMs - min(nowMs, bucket.atMs))
    bucket.tokens = min(Double(perMinute), bucket.tokens + elapsedMs * perMs)
    bucket.atMs = nowMs
    if bucket.tokens >= 1 {
      bucket.tokens -= 1
      return nil
    }
    return max(1, Int(((1 - bucket.tokens) / perMs / 1000).rounded(.up)))
  }

  /// A bucket that is full again says no more than an absent one.
  private mutating func dropFull(_ nowMs: UInt64) {
    if droppedAtMs > 0 && nowMs - min(nowMs, droppedAtMs) < Self.dropEveryMs { return }
    droppedAtMs = nowMs
    buckets = buckets.filter { nowMs - min(nowMs, $0.value.atMs) < 60_000 }
  }
}
