import Testing

@testable import XgenServer

/// The bounded log of events, and the ids by which streams go on.
@Suite struct EventLogTests {
  private func change(_ number: Int, owner: String = "ann") -> SandboxChange {
    SandboxChange(
      id: "s\(number)", owner: owner, status: .running, cause: .ready, atMs: Int64(number))
  }

  private func log(_ count: Int, maxEvents: Int = 100, maxBytes: Int = 1 << 20) -> EventLog {
    var log = EventLog(epoch: 7, maxEvents: maxEvents, maxBytes: maxBytes)
    for number in 0..<count { log.append(change(number)) }
    return log
  }

  @Test func numbersFromOne() {
    #expect(log(0).lastID.description == "7-0" && log(0).firstSequence == 1)
    #expect(log(3).lastID.description == "7-3" && log(3).firstSequence == 1)
    #expect(log(3).entry(0) == nil && log(3).entry(4) == nil && log(3).entry(.max) == nil)
  }

  @Test(arguments: [1, 2, 3, 10, 99])
  func keepsTheLastSoMany(max: Int) throws {
    let log = log(100, maxEvents: max)
    #expect(log.firstSequence == UInt64(101 - max))
    #expect(log.entry(log.firstSequence - 1) == nil)
    for sequence in log.firstSequence...100 {
      let frame = String(decoding: try #require(log.entry(sequence)).frame, as: UTF8.self)
      #expect(frame.hasPrefix("id: 7-\(sequence)\n"))
      #expect(frame.contains("\"s\(sequence - 1)\""))
    }
  }

  @Test func keepsSoManyBytes() {
    let one = log(1).entry(1)!.frame.count
    let bounded = log(100, maxBytes: 10 * one + 20)
    #expect(100 - bounded.firstSequence + 1 <= 10 && bounded.firstSequence < 100)
    #expect(log(5, maxBytes: 1).firstSequence == 6)  // not even one fits
  }

  @Test func goesOnBehindAnEventThatIsHere() {
    let log = log(10, maxEvents: 4)  // 7, 8, 9, 10
    #expect(log.next(after: EventID("7-10")!) == 11)
    #expect(log.next(after: EventID("7-7")!) == 8)
    #expect(log.next(after: EventID("7-6")!) == 7)  // it is gone, what follows it is not
  }

  @Test(arguments: ["7-5", "7-0", "7-11", "6-8", "8-8", "7-18446744073709551615"])
  func doesNotGoOnBehindWhatItDoesNotKnow(id: String) {
    #expect(log(10, maxEvents: 4).next(after: EventID(id)!) == nil)
  }

  @Test(arguments: [
    "", "-", "7", "7-", "-7", "7-1-", "7-1-2", "7-+1", "7-01", "+7-1", "7- 1", "x-1", "7-x",
    "7-18446744073709551616", "9223372036854775808-1", "٧-1",
  ])
  func anIDIsSpelledInOneWay(text: String) { #expect(EventID(text) == nil) }

  @Test func aFreshLogGoesOnFromItsStart() {
    #expect(log(0).next(after: EventID("7-0")!) == 1)
    #expect(log(0).next(after: EventID("7-1")!) == nil)
  }
}
