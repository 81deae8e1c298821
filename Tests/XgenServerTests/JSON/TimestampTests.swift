import Testing

@testable import XgenServer

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
    (951_868_800, "2000-03-01T00:00:00Z"), (1_705_320_000, "2024-01-15T12:00:00Z"),
    (1_709_210_096, "2024-02-29T12:34:56Z"), (1_735_689_599, "2024-12-31T23:59:59Z"),
    (2_147_483_648, "2038-01-19T03:14:08Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
    (4_107_542_400, "2100-03-01T00:00:00Z"), (-2_203_891_200, "1900-03-01T00:00:00Z"),
    (-62_167_219_200, "0000-01-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
  ])
  func writesAndReads(seconds: Int64, text: String) {
    #expect(Timestamp(unixSeconds: seconds).description == text)
    #expect(Timestamp(text) == Timestamp(unixSeconds: seconds))
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"),
    (-1, "1969-12-31T23:59:59.999Z"), (1_705_320_000_250, "2024-01-15T12:00:00.250Z"),
  ])
  func writesAndReadsMilliseconds(milliseconds: Int64, text: String) {
    #expect(Timestamp(unixMilliseconds: milliseconds).description == text)
    #expect(Timestamp(text) == Timestamp(unixMilliseconds: milliseconds))
  }

  @Test func everyDayOfFourCenturiesFollowsTheOneBefore() throws {
    var expected = try #require(CivilDate(year: 1900, month: 1, day: 1))
    let first = expected.daysSince1970
    for days in first..<first + 146_097 {
      let date = CivilDate(daysSince1970: days)
      guard date == expected, date.daysSince1970 == days,
        let next = CivilDate(year: date.year, month: date.month, day: date.day + 1)
          ?? CivilDate(year: date.year, month: date.month + 1, day: 1)
          ?? CivilDate(year: date.year + 1, month: 1, day: 1)
      else {
        Issue.record("day \(days) is \(date), not \(expected)")
        return
      }
      expected = next
    }
    #expect(expected == CivilDate(year: 2300, month: 1, day: 1))
  }

  @Test(arguments: [
    "", "Z", "2024-01-15", "2024-01-15T12:00:00", "2024-01-15t12:00:00Z", "2024-01-15T12:00:00z",
    "2024-01-15 12:00:00Z", "2024-01-15T12:00:00+00:00", "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-32T00:00:00Z", "2023-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-15T24:00:00Z", "2024-01-15T12:60:00Z",
    "2024-01-15T12:00:60Z", "2024-01-15T12:00:00.1Z", "2024-01-15T12:00:00,123Z",
    "2024-01-15T12:00:00.12aZ", "-024-01-15T12:00:00Z", "2024-1-015T12:00:00Z",
    "2024-01-15T12:00:0٠Z", " 024-01-15T12:00:00Z", "2024-01-15T12:00:00Z ",
  ])
  func refusesOtherForms(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test func clampsMomentsThatFourDigitsOfAYearCannotHold() {
    #expect(Timestamp(unixSeconds: .max).description == "9999-12-31T23:59:59Z")
    #expect(Timestamp(unixSeconds: .min).description == "0000-01-01T00:00:00Z")
    #expect(Timestamp(unixMilliseconds: .min).description == "0000-01-01T00:00:00.192Z")
    #expect(Timestamp(unixSeconds: 0, milliseconds: 1000).milliseconds == 999)
  }
}
