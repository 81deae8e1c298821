/// One range of bytes, as a Range header asks for it (RFC 9110 §14.1.2).
public enum HTTPByteRange: Sendable, Equatable {
  /// `first-last`, both included; `first-` without `last`.
  case from(UInt64, through: UInt64?)
  /// `-count`: the last bytes.
  case suffix(UInt64)

  /// nil for what a server is to ignore, or may (§14.2): another unit, more than one range, bad
  /// syntax. Numbers beyond 64 bits mean the greatest one: no file is that long.
  public init?(_ value: String) {
    guard let spec = Self.spec(value) else { return nil }
    let ends = spec.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard ends.count == 2 else { return nil }
    switch (ends[0].isEmpty, ends[1].isEmpty) {
    case (true, true): return nil
    case (true, false):
      guard let count = Decimal.saturating(ends[1]) else { return nil }
      self = .suffix(count)
    case (false, true):
      guard let first = Decimal.saturating(ends[0]) else { return nil }
      self = .from(first, through: nil)
    case (false, false):
      guard let first = Decimal.saturating(ends[0]), let last = Decimal.saturating(ends[1]),
        first <= last
      else { return nil }
      self = .from(first, through: last)
    }
  }

  /// What stands behind `bytes=`.
  private static func spec(_ value: String) -> Substring.UTF8View? {
    let unit = "bytes="
    guard value.utf8.count > unit.utf8.count,
      value.prefix(unit.count).lowercased() == unit
    else { return nil }
    return value.utf8.dropFirst(unit.utf8.count)
  }

  /// The header's value.
  public var value: String {
    switch self {
    case .from(let first, let last): "bytes=\(first)-\(last.map { "\($0)" } ?? "")"
    case .suffix(let count): "bytes=-\(count)"
    }
  }

  /// The part of `size` bytes that it means; nil if there is none (416).
  public func resolved(in size: UInt64) -> Range<UInt64>? {
    switch self {
    case .from(let first, let last):
      guard first < size else { return nil }
      return first..<min(last ?? size - 1, size - 1) + 1
    case .suffix(let count):
      guard count > 0, size > 0 else { return nil }
      return size - min(count, size)..<size
    }
  }
}

/// A Content-Range header of bytes with a known size (RFC 9110 §14.4).
public struct HTTPContentRange: Sendable, Equatable {
  /// Not empty and within the size; nil for the `*` of a 416.
  public let range: Range<UInt64>?
  public let size: UInt64

  /// Precondition: the range is not empty and lies within the size.
  public init(_ range: Range<UInt64>, of size: UInt64) {
    precondition(!range.isEmpty && range.upperBound <= size, "a range that is none")
    self.range = range
    self.size = size
  }

  public init(unsatisfied size: UInt64) {
    range = nil
    self.size = size
  }

  /// Strictly `bytes a-b/size` or `bytes */size`; nil for anything else.
  public init?(_ value: String) {
    let unit = "bytes "
    guard value.utf8.starts(with: unit.utf8) else { return nil }
    let parts = value.utf8.dropFirst(unit.utf8.count)
      .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2, let size = Decimal.exact(parts[1]) else { return nil }
    if parts[0].elementsEqual("*".utf8) {
      self.init(unsatisfied: size)
      return
    }
    let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Decimal.exact(ends[0]), let last = Decimal.exact(ends[1]),
      first <= last, last < size
    else { return nil }
    self.init(first..<last + 1, of: size)
  }

  /// The header's value.
  public var value: String {
    guard let range else { return "bytes */\(size)" }
    return "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
  }
}

/// Numbers of digits only.
private enum Decimal {
  static func saturating(_ digits: Substring.UTF8View) -> UInt64? {
    guard isNumber(digits) else { return nil }
    return exact(digits) ?? .max
  }

  /// nil also beyond 64 bits.
  static func exact(_ digits: Substring.UTF8View) -> UInt64? {
    isNumber(digits) ? UInt64(Substring(digits)) : nil
  }

  private static func isNumber(_ digits: Substring.UTF8View) -> Bool {
    !digits.isEmpty && digits.allSatisfy { ASCII.isDigit($0) }
  }
}
