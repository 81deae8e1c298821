import Testing

@testable import XgenServer

@Suite struct QuantityTests {
  @Test(arguments: [
    ("0", 0), ("1", 1), ("+1", 1), ("007", 7), ("1.", 1), (".5", 1), ("1.5", 2), ("1.0000", 1),
    ("1k", 1000), ("1M", 1_000_000), ("1G", 1_000_000_000), ("1T", 1_000_000_000_000),
    ("1P", 1_000_000_000_000_000), ("1E", 1_000_000_000_000_000_000), ("1Ki", 1024),
    ("1Mi", 1 << 20), ("1Gi", 1 << 30), ("1Ti", 1 << 40), ("1Pi", 1 << 50), ("1Ei", 1 << 60),
    ("1.5Gi", 3 << 29), ("1e3", 1000), ("1E3", 1000), ("1e+3", 1000), ("1500e-3", 2),
    ("1000m", 1), ("1001m", 2), ("1u", 1), ("1n", 1), ("0n", 0), ("0.1Ki", 103),
    ("9223372036854775807", Int.max), ("0.000000000000000001", 1),
  ])
  func readsWholeUnitsRoundedUp(text: String, value: Int) {
    #expect(Quantity.whole(text) == Int64(value))
  }

  @Test(arguments: [
    ("500m", 500), ("1", 1000), ("0.1", 100), ("1.5", 1500), ("1u", 1), ("2500u", 3),
    ("2k", 2_000_000),
    ("1e-3", 1), ("0", 0),
  ])
  func readsThousandthsRoundedUp(text: String, value: Int) {
    #expect(Quantity.milli(text) == Int64(value))
  }

  @Test(arguments: [
    "", "+", "-1", "-0", ".", "m", "Gi", "1g", "1K", "1mi", "1GiB", "1 Gi", " 1", "1 ", "1..2",
    "1,5",
    "1e", "1e1.5", "1e19", "1e-19", "1ee3", "1e3m", "0x1", "∞", "１", "NaN", "1_000",
    "9223372036854775808", "8Ei", "10E", "99999999999999999999",
    "0000000000000000000000000000000001",
  ])
  func everythingElseIsNone(text: String) {
    #expect(Quantity.whole(text) == nil)
  }

  @Test func anOverflowByTheUnitIsNone() {
    #expect(Quantity.milli("9223372036854775807") == nil)
    #expect(Quantity.whole("9223372036854775807") == .max)
  }

  static let texts: [(bytes: Int64, text: String)] = [
    (0, "0"), (1023, "1023"), (1024, "1Ki"), (1025, "1.1Ki"), (33_554_432, "32Mi"),
    (33_558_528, "32.1Mi"), (1_572_864_000, "1500Mi"), (2_147_483_648, "2Gi"),
    (2_147_483_649, "2.1Gi"), (3_221_225_471, "3.0Gi"), (.max, "8589934592.0Gi"),
  ]

  @Test(arguments: texts)
  func isWrittenForPeople(bytes: Int64, text: String) {
    #expect(Quantity.binary(bytes) == text)
  }
}
