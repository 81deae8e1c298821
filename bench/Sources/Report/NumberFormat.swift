extension Double {
  /// With so many decimals, rounded; `0` for what is no number.
  func fixed(decimals: Int) -> String {
    var scale: Int64 = 1
    for _ in 0..<decimals { scale *= 10 }
    guard let scaled = Int64(exactly: (self * Double(scale)).rounded()) else { return "0" }
    let sign = scaled < 0 ? "-" : ""
    let (whole, fraction) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt64(scale))
    if decimals == 0 { return "\(sign)\(whole)" }
    let digits = String(fraction)
    return "\(sign)\(whole)." + String(repeating: "0", count: decimals - digits.count) + digits
  }

  /// For people: `24,691`, one decimal below a thousand, three below ten.
  var grouped: String {
    if magnitude < 10 { return fixed(decimals: 3) }
    if magnitude < 1000 { return fixed(decimals: 1) }
    return Int(exactly: rounded()).map(\.grouped) ?? fixed(decimals: 0)
  }
}

extension Int {
  /// `1,234,567`
  var grouped: String {
    var out = ""
    for (index, digit) in String(magnitude).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { out.append(",") }
      out.append(digit)
    }
    return (self < 0 ? "-" : "") + String(out.reversed())
  }
}

extension String {
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }

  func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
