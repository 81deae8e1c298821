import Reactor
import Testing

@testable import XgenServer

@Suite struct RateLimiterTests {
  @Test func aBucketIsFullAtFirstAndRefillsEvenly() {
    var limiter = RateLimiter(perMinute: 120)
    for _ in 0..<120 { #expect(limiter.wait("a", nowMs: 5_000) == nil) }
    #expect(limiter.wait("a", nowMs: 5_000) == 1)
    #expect(limiter.wait("a", nowMs: 5_499) == 1)
    #expect(limiter.wait("a", nowMs: 5_500) == nil)
    #expect(limiter.wait("a", nowMs: 5_500) == 1)
    for _ in 0..<4 { #expect(limiter.wait("a", nowMs: 7_500) == nil) }
    #expect(limiter.wait("a", nowMs: 7_500) != nil)
  }

  @Test func tellsInHowManySecondsTheNextIsAllowed() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.wait("a", nowMs: 0) == nil)
    #expect(limiter.wait("a", nowMs: 0) == 60)
    #expect(limiter.wait("a", nowMs: 30_500) == 30)
    #expect(limiter.wait("a", nowMs: 60_000) == nil)
  }

  @Test func clientsDoNotShareABucket() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.wait("a", nowMs: 0) == nil)
    #expect(limiter.wait("b", nowMs: 0) == nil)
    #expect(limiter.wait("a", nowMs: 0) != nil)
    #expect(limiter.wait("b", nowMs: 0) != nil)
  }

  @Test func aBucketHoldsNoMoreThanAMinute() {
    var limiter = RateLimiter(perMinute: 3)
    #expect(limiter.wait("a", nowMs: 0) == nil)
    for _ in 0..<3 { #expect(limiter.wait("a", nowMs: 1 << 50) == nil) }
    #expect(limiter.wait("a", nowMs: 1 << 50) != nil)
  }

  @Test func aClockThatStandsStillOrGoesBackGivesNothing() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.wait("a", nowMs: 100_000) == nil)
    #expect(limiter.wait("a", nowMs: 10) == 60)
  }

  @Test func zeroTurnsItOff() {
    var limiter = RateLimiter(perMinute: 0)
    for _ in 0..<1000 { #expect(limiter.wait("a", nowMs: 0) == nil) }
  }

  @Test func aFullTableGivesNewClientsOneBucketTogether() {
    var limiter = RateLimiter(perMinute: 2)
    for number in 0..<Limits.maxRateBuckets { _ = limiter.wait("\(number)", nowMs: 1_000) }
    #expect(limiter.wait("x", nowMs: 1_000) == nil)
    #expect(limiter.wait("y", nowMs: 1_000) == nil)
    #expect(limiter.wait("z", nowMs: 1_000) != nil)
    #expect(limiter.wait("0", nowMs: 1_000) == nil)  // who has a bucket keeps it
  }

  @Test func bucketsThatAreFullAgainMakeRoom() {
    var limiter = RateLimiter(perMinute: 1)
    for number in 0..<Limits.maxRateBuckets { _ = limiter.wait("\(number)", nowMs: 1_000) }
    #expect(limiter.wait("x", nowMs: 1_000) == nil)
    #expect(limiter.wait("y", nowMs: 1_000) != nil)
    for client in ["x", "y", "z"] { #expect(limiter.wait(client, nowMs: 61_000) == nil) }
    #expect(limiter.wait("z", nowMs: 61_000) != nil)
  }
}

extension RateLimiter {
  /// Takes one; returns nil, or in how many seconds the next is let through.
  fileprivate mutating func wait(
    _ client: String, perMinute: Int? = nil, nowMs: UInt64
  ) -> Int? {
    take(client, perMinute: perMinute, nowMs: nowMs)?.retryAfterSeconds
  }
}

@Suite struct RateStateTests {
  private func state(_ limit: Int, _ remaining: Int, _ reset: Int, _ retry: Int?) -> RateState {
    RateState(limit: limit, remaining: remaining, resetSeconds: reset, retryAfterSeconds: retry)
  }

  @Test func tellsWhatIsLeftAndWhenAllIsThereAgain() {
    var limiter = RateLimiter(perMinute: 120)
    #expect(limiter.take("a", nowMs: 0) == state(120, 119, 1, nil))
    #expect(limiter.take("a", nowMs: 0) == state(120, 118, 1, nil))
    for _ in 0..<117 { _ = limiter.take("a", nowMs: 0) }
    #expect(limiter.take("a", nowMs: 0) == state(120, 0, 60, nil))
    #expect(limiter.take("a", nowMs: 0) == state(120, 0, 60, 1))
    #expect(limiter.take("a", nowMs: 30_000) == state(120, 59, 31, nil))
  }

  @Test func aKeysOwnLimitCountsInsteadOfTheServers() {
    var limiter = RateLimiter(perMinute: 2)
    #expect(limiter.take("a", perMinute: 600, nowMs: 0) == state(600, 599, 1, nil))
    #expect(limiter.take("a", perMinute: 0, nowMs: 0) == nil)
    #expect(limiter.take("b", perMinute: 1, nowMs: 0) == state(1, 0, 60, nil))
    #expect(limiter.take("b", perMinute: 1, nowMs: 0) == state(1, 0, 60, 60))
    // A limit that is changed while the bucket is in use.
    #expect(limiter.take("a", perMinute: 3, nowMs: 0) == state(3, 2, 20, nil))
    var off = RateLimiter(perMinute: 0)
    #expect(off.take("a", nowMs: 0) == nil)
    #expect(off.take("a", perMinute: 5, nowMs: 0)?.remaining == 4)
  }

  @Test func standsInTheAnswersHeaders() {
    let fields = state(120, 7, 57, 3).fields.map { "\($0.name): \($0.value)" }
    #expect(fields == ["RateLimit-Limit: 120", "RateLimit-Remaining: 7", "RateLimit-Reset: 57"])
  }
}
