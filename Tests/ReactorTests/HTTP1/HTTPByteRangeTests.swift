import Testing

@testable import Reactor

@Suite struct HTTPByteRangeTests {
  @Test(
    arguments: [
      ("bytes=0-0", .from(0, through: 0)), ("bytes=5-", .from(5, through: nil)),
      ("bytes=-7", .suffix(7)), ("Bytes=1-2", .from(1, through: 2)), ("bytes=-0", .suffix(0)),
      ("bytes=0-99999999999999999999999", .from(0, through: .max)),
      ("bytes=00000000000000000000000001-", .from(1, through: nil)),
    ] as [(String, HTTPByteRange)])
  func readsOneRange(_ value: String, _ range: HTTPByteRange) {
    #expect(HTTPByteRange(value) == range)
    #expect(HTTPByteRange(range.value) == range)
  }

  @Test(arguments: [
    "", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=5-4", "bytes=a-", "bytes=1-b",
    "bytes=0-1,3-4", "bytes=0-1,", "bytes = 0-1", "bytes= 0-1", "bytes=0-1 ", "bytes=--1",
    "bytes=1-2-3", "bytes=+1-2", "bytes=-1-", "lines=0-1", "bytes=0x1-2", "bytes=1.0-", "bytes=٣-",
  ])
  func ignoresEverythingElse(_ value: String) {
    #expect(HTTPByteRange(value) == nil)
  }

  @Test(
    arguments: [
      ("bytes=0-", 10, 0..<10), ("bytes=3-", 10, 3..<10), ("bytes=0-0", 10, 0..<1),
      ("bytes=9-9", 10, 9..<10), ("bytes=9-100", 10, 9..<10), ("bytes=10-", 10, nil),
      ("bytes=10-11", 10, nil), ("bytes=-1", 10, 9..<10), ("bytes=-10", 10, 0..<10),
      ("bytes=-11", 10, 0..<10), ("bytes=-0", 10, nil), ("bytes=0-", 0, nil), ("bytes=-1", 0, nil),
      ("bytes=0-18446744073709551615", .max, 0..<UInt64.max),
      ("bytes=-18446744073709551615", 5, 0..<5),
    ] as [(String, UInt64, Range<UInt64>?)])
  func resolvesWithinTheSize(_ value: String, _ size: UInt64, _ expected: Range<UInt64>?) throws {
    #expect(try #require(HTTPByteRange(value)).resolved(in: size) == expected)
  }

  @Test func contentRangeIsReadBack() throws {
    for range in [HTTPContentRange(0..<1, of: 1), HTTPContentRange(5..<10, of: 11)] {
      #expect(HTTPContentRange(range.value) == range)
    }
    #expect(HTTPContentRange(5..<10, of: 11).value == "bytes 5-9/11")
    #expect(HTTPContentRange(unsatisfied: 7).value == "bytes */7")
    #expect(HTTPContentRange("bytes */7") == HTTPContentRange(unsatisfied: 7))
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-1", "bytes 0-1/*", "bytes 0-1/1", "bytes 2-1/5", "bytes 0-5/5",
    "bytes  0-1/5", "bytes 0-1/5 ", "bytes=0-1/5", "bytes -1/5", "bytes 0-/5", "bytes */",
    "bytes */x", "bytes 0-1/5/6", "bytes 0-1/99999999999999999999", "Bytes 0-1/5", "bytes +0-1/5",
  ])
  func contentRangeThatContradictsItselfIsNone(_ value: String) {
    #expect(HTTPContentRange(value) == nil)
  }
}
