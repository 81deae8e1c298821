#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// The value is the one that arithmetic on decimal digits of any length comes to, rounded up; nil
/// exactly where that reader finds no quantity or more than 63 bits.
func checkQuantity(_ input: FuzzInput) throws {
  let text = String(decoding: input.bytes, as: UTF8.self)
  let number = DecimalQuantity(text)
  let pairs = [
    (Quantity.whole(text), number?.roundedUp(movedBy: 0)),
    (Quantity.milli(text), number?.roundedUp(movedBy: 3)),
  ]
  for (found, expected) in pairs {
    try require(
      found == expected,
      "\(text): \(String(describing: found)) != \(String(describing: expected))")
  }
}

/// `digits` × 10^`exponent`, the digits least first.
private struct DecimalQuantity {
  private var digits: [UInt8]
  private var exponent: Int

  private static let suffixes: [String: (exponent: Int, doublings: Int)] = [
    "": (0, 0), "n": (-9, 0), "u": (-6, 0), "m": (-3, 0), "k": (3, 0), "M": (6, 0), "G": (9, 0),
    "T": (12, 0), "P": (15, 0), "E": (18, 0), "Ki": (0, 10), "Mi": (0, 20), "Gi": (0, 30),
    "Ti": (0, 40), "Pi": (0, 50), "Ei": (0, 60),
  ]

  init?(_ text: String) {
    guard text.utf8.count <= 32, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    let unsigned = text.hasPrefix("+") ? text.dropFirst() : text[...]
    let number = unsigned.prefix { $0 == "." || ("0"..."9").contains($0) }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, number.contains(where: { $0 != "." }) else { return nil }
    digits = parts.joined().utf8.reversed().map { $0 - 48 }
    exponent = parts.count == 2 ? -parts[1].utf8.count : 0
    guard let (moved, doublings) = Self.suffix(unsigned.dropFirst(number.count)) else {
      return nil
    }
    exponent += moved
    for _ in 0..<doublings { double() }
  }

  private static func suffix(_ text: Substring) -> (exponent: Int, doublings: Int)? {
    if let known = suffixes[String(text)] { return known }
    guard text.first == "e" || text.first == "E" else { return nil }
    let exponent = text.dropFirst()
    let number = exponent.first == "-" || exponent.first == "+" ? exponent.dropFirst() : exponent
    guard !number.isEmpty, number.allSatisfy({ ("0"..."9").contains($0) }),
      let value = Int(number), value <= 18
    else { return nil }
    return (exponent.first == "-" ? -value : value, 0)
  }

  private mutating func double() {
    var carry: UInt8 = 0
    for index in digits.indices {
      let sum = digits[index] * 2 + carry
      digits[index] = sum % 10
      carry = sum / 10
    }
    if carry > 0 { digits.append(carry) }
  }

  func roundedUp(movedBy places: Int) -> Int64? {
    let exponent = exponent + places
    var whole = digits
    if exponent >= 0 {
      whole.insert(contentsOf: repeatElement(0, count: exponent), at: 0)
    } else {
      let fraction = whole.prefix(-exponent)
      whole.removeFirst(fraction.count)
      if fraction.contains(where: { $0 > 0 }) { increment(&whole) }
    }
    let text = whole.reversed().map { String($0) }.joined()
    return text.isEmpty ? 0 : Int64(text)
  }

  private func increment(_ digits: inout [UInt8]) {
    for index in digits.indices {
      if digits[index] < 9 {
        digits[index] += 1
        return
      }
      digits[index] = 0
    }
    digits.append(1)
  }
}
