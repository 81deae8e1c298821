import Testing

@testable import XgenServer

@Suite struct TombstonesTests {
  private func entry(_ id: String, atMs: Int64, _ end: SandboxEnd = .expired) -> Tombstones.Entry {
    Tombstones.Entry(id: id, owner: "alice", end: end, atMs: atMs)
  }

  @Test func tellsWhyAndWhen() {
    #expect(
      entry("a", atMs: 1_700_000_000_999).details == "reason=expired at=2023-11-14T22:13:20Z")
    #expect(entry("a", atMs: 0, .deleted).details == "reason=deleted at=1970-01-01T00:00:00Z")
  }

  @Test func forgetsAfterFiveMinutes() {
    var stones = Tombstones()
    stones.add(entry("a", atMs: 1_000))
    stones.add(entry("b", atMs: 2_000))
    stones.sweep(nowMs: 1_000 + 299_999)
    #expect(stones.entry("a") != nil)
    stones.sweep(nowMs: 1_000 + 300_000)
    #expect(stones.entry("a") == nil && stones.entry("b")?.id == "b")
    stones.sweep(nowMs: .max)
    #expect(stones.entry("b") == nil)
    stones.sweep(nowMs: .max)
  }

  @Test func aClockThatIsSetBackForgetsNothing() {
    var stones = Tombstones()
    stones.add(entry("a", atMs: 1_000_000))
    stones.sweep(nowMs: 0)
    #expect(stones.entry("a") != nil)
  }

  @Test func remembersTheLastTenThousand() {
    var stones = Tombstones()
    for number in 0...10_000 { stones.add(entry("\(number)", atMs: 0)) }
    #expect(stones.entry("0") == nil)
    #expect(stones.entry("1") != nil && stones.entry("10000") != nil)
  }

  @Test func theLastEndOfAnIdCounts() {
    var stones = Tombstones()
    stones.add(entry("a", atMs: 1_000))
    stones.add(entry("a", atMs: 2_000, .deleted))
    #expect(stones.entries == [entry("a", atMs: 2_000, .deleted)])
    stones.sweep(nowMs: 301_000)
    #expect(stones.entry("a")?.end == .deleted)
    stones.sweep(nowMs: 302_000)
    #expect(stones.entry("a") == nil)
  }
}
