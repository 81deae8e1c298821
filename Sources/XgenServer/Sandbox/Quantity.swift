/// Kubernetes quantities: `500m`, `1.5`, `128Mi`, `1e3`, `2G`. Pure, exact, bounded.
///
/// Source: Kubernetes API conventions, `resource.Quantity`.
enum Quantity {
  /// In thousandths (for cpu), rounded up; nil if it is no quantity, negative or over Int64.
  static func milli(_ text: String) -> Int64? { scaled(text, by: 1000) }

  /// In whole units (bytes), rounded up.
  static func whole(_ text: String) -> Int64? { scaled(text, by: 1) }

  private static let maxLength = 32

  private static func scaled(_ text: String, by unit: Int64) -> Int64? {
    guard text.utf8.count <= maxLength, let parsed = parse(Array(text.utf8)) else { return nil }
    // digits × 10^exponent × 2^shift × unit
    var value = parsed.digits
    guard multiply(&value, by: unit) else { return nil }
    for _ in 0..<parsed.shift { guard multiply(&value, by: 2) else { return nil } }
    var exponent = parsed.exponent
    while exponent > 0 {
      guard multiply(&value, by: 10) else { return nil }
      exponent -= 1
    }
    while exponent < 0 && value > 0 {
      value = value / 10 + (value % 10 == 0 ? 0 : 1)
      exponent += 1
    }
    return value
  }

  private static func multiply(_ value: inout Int64, by factor: Int64) -> Bool {
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    value = product
    return !overflow
  }

  private struct Parsed {
    var digits: Int64 = 0
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
        guard multiply(&parsed.digits, by: 10) else { return nil }
        let (sum, overflow) = parsed.digits.addingReportingOverflow(Int64(byte - 48))
        if overflow { return nil }
        parsed.digits = sum
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
