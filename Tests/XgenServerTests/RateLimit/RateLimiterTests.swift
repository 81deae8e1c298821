import Testing

@testable import XgenServer

@Suite struct RateLimiterTests {
  @Test func aBucketIsFullAtFirstAndRefillsEvenly() {
    var limiter = RateLimiter(perMinute: 120)
    for _ in 0..<120 { #expect(limiter.take("a", nowMs: 5_000) == nil) }
    #expect(limiter.take("a", nowMs: 5_000) == 1)
    #expect(limiter.take("a", nowMs: 5_499) == 1)
    #expect(limiter.take("a", nowMs: 5_500) == nil)
    #expect(limiter.take("a", nowMs: 5_500) == 1)
    for _ in 0..<4 { #expect(limiter.take("a", nowMs: 7_500) == nil) }
    #expect(limiter.take("a", nowMs: 7_500) != nil)
  }

  @Test func tellsInHowManySecondsTheNextIsAllowed() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.take("a", nowMs: 0) == nil)
    #expect(limiter.take("a", nowMs: 0) == 60)
    #expect(limiter.take("a", nowMs: 30_500) == 30)
    #expect(limiter.take("a", nowMs: 60_000) == nil)
  }

  @Test func clientsDoNotShareABucket() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.take("a", nowMs: 0) == nil)
    #expect(limiter.take("b", nowMs: 0) == nil)
    #expect(limiter.take("a", nowMs: 0) != nil)
    #expect(limiter.take("b", nowMs: 0) != nil)
  }

  @Test func aBucketHoldsNoMoreThanAMinute() {
    var limiter = RateLimiter(perMinute: 3)
    #expect(limiter.take("a", nowMs: 0) == nil)
    for _ in 0..<3 { #expect(limiter.take("a", nowMs: 1 << 50) == nil) }
    #expect(limiter.take("a", nowMs: 1 << 50) != nil)
  }

  @Test func aClockThatStandsStillOrGoesBackGivesNothing() {
    var limiter = RateLimiter(perMinute: 1)
    #expect(limiter.take("a", nowMs: 100_000) == nil)
    #expect(limiter.take("a", nowMs: 10) == 60)
  }

  @Test func zeroTurnsItOff() {
    var limiter = RateLimiter(perMinute: 0)
    for _ in 0..<1000 { #expect(limiter.take("a", nowMs: 0) == nil) }
  }

  @Test func aFullTableGivesNewClientsOneBucketTogether() {
    var limiter = RateLimiter(perMinute: 2)
    for number in 0..<Limits.maxRateBuckets { _ = limiter.take("\(number)", nowMs: 1_000) }
    #expect(limiter.take("x", nowMs: 1_000) == nil)
    #expect(limiter.take("y", nowMs: 1_000) == nil)
    #expect(limiter.take("z", nowMs: 1_000) != nil)
    #expect(limiter.take("0", nowMs: 1_000) == nil)  // who has a bucket keeps it
  }

  @Test func bucketsThatAreFullAgainMakeRoom() {
    var limiter = RateLimiter(perMinute: 1)
    for number in 0..<Limits.maxRateBuckets { _ = limiter.take("\(number)", nowMs: 1_000) }
    #expect(limiter.take("x", nowMs: 1_000) == nil)
    #expect(limiter.take("y", nowMs: 1_000) != nil)
    for client in ["x", "y", "z"] { #expect(limiter.take(client, nowMs: 61_000) == nil) }
    #expect(limiter.take("z", nowMs: 61_000) != nil)
  }
}
