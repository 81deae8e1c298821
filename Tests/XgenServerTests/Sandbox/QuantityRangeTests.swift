import Testing

@testable import XgenServer

/// Exact where intermediate results exceed 64 bits (found by the fuzz target `quantity`).
@Suite struct QuantityRangeTests {
  @Test(arguments: [
    ("500m", 500, 1), ("1.5", 1500, 2), ("128Mi", 134_217_728_000, 134_217_728),
    ("1e3", 1_000_000, 1000), ("2G", 2_000_000_000_000, 2_000_000_000), ("0", 0, 0),
    ("+1.", 1000, 1), (".5Ki", 512_000, 512), ("1n", 1, 1), ("1e-18", 1, 1),
    // Only the result must fit, not what is on the way to it.
    ("9223372036854775807n", 9_223_372_036_855, 9_223_372_037),
    ("1.000000000000000000000000000", 1000, 1), ("0.00000000000000000000000000001", 1, 1),
  ])
  func isExactAndRoundedUp(text: String, milli: Int64, whole: Int64) {
    #expect(Quantity.milli(text) == milli)
    #expect(Quantity.whole(text) == whole)
  }

  @Test func isBoundedByItsResult() {
    #expect(Quantity.whole("9223372036854775807") == .max)
    #expect(Quantity.milli("9223372036854775807") == nil)
    #expect(Quantity.whole("9223372036854775808") == nil)
    #expect(Quantity.whole("9223372036854775807.5") == nil)
    #expect(Quantity.whole("1.000000000000000Ei") == 1 << 60)
    #expect(Quantity.whole("7.999Ei") == 9_222_219_115_350_168_962)
    #expect(Quantity.whole("8Ei") == nil)
    #expect(Quantity.whole("99999999999999999999999999999Ei") == nil)
    #expect(Quantity.whole("0E") == 0)
  }

  @Test(arguments: [
    "", ".", "+", "-1", "m", "1 ", " 1", "1.2.3", "1KiB", "1ki", "1e", "1e19", "1e-19", "1e1.5",
    "1e\u{301}3", "٣", "0x10", "1_000", "000000000000000000000000000000001",
  ])
  func isNothingElse(text: String) {
    #expect(Quantity.whole(text) == nil)
    #expect(Quantity.milli(text) == nil)
  }
}
