/// A moment as RFC 3339 writes it, in UTC: `2024-01-15T12:00:00Z`, `2024-01-15T12:00:00.250Z`.
///
/// Pure arithmetic in the proleptic Gregorian calendar; leap seconds don't exist (as in Unix time).
struct Timestamp: Equatable, Hashable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z, in the years 0000 to 9999.
  let unixSeconds: Int64
  /// 0–999; nil writes no fraction.
  let milliseconds: Int?

  /// 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z: what four digits of a year can hold.
  private static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799
  /// Those of the years 1970 to 9999 in milliseconds: of two of them, neither the sum nor the
  /// difference overflows.
  static let unixMilliseconds: ClosedRange<Int64> = 0...253_402_300_799_999
  private static let secondsPerDay: Int64 = 86_400

  /// Moments beyond the years 0000 to 9999 become the first or last one of them.
  init(unixSeconds: Int64, milliseconds: Int? = nil) {
    self.unixSeconds = min(max(unixSeconds, Self.range.lowerBound), Self.range.upperBound)
    self.milliseconds = milliseconds.map { min(max($0, 0), 999) }
  }

  init(unixMilliseconds: Int64) {
    let (seconds, remainder) = unixMilliseconds.flooredDivision(by: 1000)
    self.init(unixSeconds: seconds, milliseconds: Int(remainder))
  }
}

// MARK: Writing

extension Timestamp: CustomStringConvertible {
  var description: String {
    let (days, second) = unixSeconds.flooredDivision(by: Self.secondsPerDay)
    let date = CivilDate(daysSince1970: days)
    var text: [UInt8] = []
    text.reserveCapacity(24)
    text.append(date.year, digits: 4)
    text.append(UInt8(ascii: "-"), date.month)
    text.append(UInt8(ascii: "-"), date.day)
    text.append(UInt8(ascii: "T"), second / 3600)
    text.append(UInt8(ascii: ":"), second / 60 % 60)
    text.append(UInt8(ascii: ":"), second % 60)
    if let milliseconds {
      text.append(UInt8(ascii: "."))
      text.append(Int64(milliseconds), digits: 3)
    }
    text.append(UInt8(ascii: "Z"))
    return String(decoding: text, as: UTF8.self)
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ separator: UInt8, _ twoDigits: Int64) {
    append(separator)
    append(twoDigits, digits: 2)
  }

  fileprivate mutating func append(_ number: Int64, digits: Int) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}

// MARK: Reading

extension Timestamp {
  /// Reads exactly the two forms that are written: upper-case `T` and `Z`, no other offset, no
  /// fraction or one of three digits. Nil for anything else, days that don't exist included.
  init?(_ text: String) {
    let bytes = [UInt8](text.utf8)
    guard bytes.count == 20 || bytes.count == 24, bytes.last == UInt8(ascii: "Z") else {
      return nil
    }
    guard Self.hasSeparators(bytes) else { return nil }
    guard let year = bytes.number(0..<4), let month = bytes.number(5..<7),
      let day = bytes.number(8..<10), let hour = bytes.number(11..<13), hour < 24,
      let minute = bytes.number(14..<16), minute < 60,
      let second = bytes.number(17..<19), second < 60,
      let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    let fraction = bytes.count == 24 ? bytes.number(20..<23) : nil
    if bytes.count == 24, fraction == nil { return nil }
    let seconds = hour * 3600 + minute * 60 + second
    self.init(
      unixSeconds: date.daysSince1970 * Self.secondsPerDay + seconds,
      milliseconds: fraction.map(Int.init))
  }

  private static func hasSeparators(_ bytes: [UInt8]) -> Bool {
    bytes[4] == UInt8(ascii: "-") && bytes[7] == UInt8(ascii: "-")
      && bytes[10] == UInt8(ascii: "T") && bytes[13] == UInt8(ascii: ":")
      && bytes[16] == UInt8(ascii: ":") && (bytes.count == 20 || bytes[19] == UInt8(ascii: "."))
  }
}

extension [UInt8] {
  /// The decimal digits in `range`, which must lie inside.
  fileprivate func number(_ range: Range<Int>) -> Int64? {
    var number: Int64 = 0
    for byte in self[range] {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return number
  }
}
