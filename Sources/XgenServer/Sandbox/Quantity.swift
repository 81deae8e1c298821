/// Kubernetes quantities: `500m`, `1.5`, `128Mi`, `1e3`, `2G`. Pure, exact, bounded.
///
/// Source: Kubernetes API conventions, `resource.Quantity`.
enum Quantity {
  /// In thousandths (for cpu), rounded up; nil if it is no quantity of at most `maxLength`
  /// characters and exponents of −18…18, or it is negative or over Int64.
  static func milli(_ text: String) -> Int64? { scaled(text, by: 3) }

  /// In whole units (bytes), rounded up.
  static func whole(_ text: String) -> Int64? { scaled(text, by: 0) }

  /// Bytes for people, with the largest unit that takes no more than four digits: `256Mi`, or, not
  /// being a multiple of a unit, rounded up to a tenth: `2.1Gi`.
  static func binary(_ bytes: Int64) -> String {
    let units: [(name: String, shift: Int64)] = [("Gi", 30), ("Mi", 20), ("Ki", 10)]
    for unit in units where bytes >= 1 << unit.shift {
      let size: Int64 = 1 << unit.shift
      if bytes % size == 0 { return "\(bytes / size)\(unit.name)" }
      let smaller: Int64 = 1 << (unit.shift - 10)
      if bytes % smaller == 0, bytes / smaller < 10_000, unit.name != "Ki" { continue }
      let tenths = bytes / size * 10 + (bytes % size * 10 + size - 1) / size
      return "\(tenths / 10).\(tenths % 10)\(unit.name)"
    }
    return "\(bytes)"
  }

  private static let maxLength = 32

  private static func scaled(_ text: String, by places: Int) -> Int64? {
    guard text.utf8.count <= maxLength, let parsed = parse(Array(text.utf8)) else { return nil }
    // digits × 2^shift × 10^exponent, of which only the result must fit: 10^31 × 2^60 may be on
    // the way.
    let exponent = parsed.exponent + places
    let product = parsed.digits.multipliedFullWidth(by: 1 << UInt128(parsed.shift))
    if exponent < 0 { return quotient(product, byTenTo: -exponent) }
    guard product.high == 0 else { return nil }
    var value = product.low
    for _ in 0..<exponent {
      let (multiplied, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = multiplied
    }
    return Int64(exactly: value)
  }

  /// Rounded up.
  private static func quotient(
    _ dividend: (high: UInt128, low: UInt128), byTenTo exponent: Int
  ) -> Int64? {
    // Who shifts has too few characters left for 38 digits behind the point: this is below 1.
    guard exponent <= 38 else { return dividend == (0, 0) ? 0 : 1 }
    let divisor = (0..<exponent).reduce(UInt128(1)) { power, _ in power * 10 }
    guard dividend.high < divisor else { return nil }
    let (quotient, remainder) = divisor.dividingFullWidth(dividend)
    guard let whole = Int64(exactly: quotient) else { return nil }
    if remainder == 0 { return whole }
    return whole == .max ? nil : whole + 1
  }

  private struct Parsed {
    /// Below 10^32, for lack of more characters.
    var digits: UInt128 = 0
    var exponent = 0
    var shift = 0
  }

  private static func parse(_ bytes: [UInt8]) -> Parsed? {
    var parsed = Parsed()
    var index = 0
    if bytes.first == UInt8(ascii: "+") { index = 1 }
    var digitCount = 0
    var sawPoint = false
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "."), !sawPoint {
        sawPoint = true
      } else if (48...57).contains(byte) {
        parsed.digits = parsed.digits * 10 + UInt128(byte - 48)
        digitCount += 1
        if sawPoint { parsed.exponent -= 1 }
      } else {
        break
      }
      index += 1
    }
    guard digitCount > 0, applySuffix(bytes[index...], &parsed) else { return nil }
    return parsed
  }

  private static func applySuffix(_ suffix: ArraySlice<UInt8>, _ parsed: inout Parsed) -> Bool {
    switch String(decoding: suffix, as: UTF8.self) {
    case "": break
    case "n": parsed.exponent -= 9
    case "u": parsed.exponent -= 6
    case "m": parsed.exponent -= 3
    case "k": parsed.exponent += 3
    case "M": parsed.exponent += 6
    case "G": parsed.exponent += 9
    case "T": parsed.exponent += 12
    case "P": parsed.exponent += 15
    case "E": parsed.exponent += 18
    case "Ki": parsed.shift = 10
    case "Mi": parsed.shift = 20
    case "Gi": parsed.shift = 30
    case "Ti": parsed.shift = 40
    case "Pi": parsed.shift = 50
    case "Ei": parsed.shift = 60
    case let other: return applyExponent(other, &parsed)
    }
    return true
  }

  /// `e3`, `E-2`.
  private static func applyExponent(_ text: String, _ parsed: inout Parsed) -> Bool {
    guard let mark = text.first, mark == "e" || mark == "E" else { return false }
    guard let exponent = Int(text.dropFirst()), (-18...18).contains(exponent) else { return false }
    parsed.exponent += exponent
    return true
  }
}
