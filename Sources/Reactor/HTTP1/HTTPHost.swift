/// A host and a port, as in Host, `:authority` and CONNECT: `uri-host [ ":" port ]`
/// (RFC 9110 §7.2).
///
/// Stricter than RFC 3986's reg-name, which allows percent-encoding and `! $ & ' ( ) * + , ; =`:
/// no name that resolves has them, and a comma is how two Hosts become one.
public struct HTTPHost: Sendable, Hashable {
  /// In lower case; an IPv6 address keeps its brackets.
  public let name: String
  /// nil if there is none, or an empty one.
  public let port: UInt16?

  public init?(_ text: String) {
    var text = text
    let parsed = text.withUTF8 { bytes -> HTTPHost? in
      let bytes = UnsafeRawBufferPointer(bytes)
      guard let parts = Self.parse(bytes, in: 0..<bytes.count) else { return nil }
      let name = bytes[parts.name].map(ASCII.lowercased)
      return HTTPHost(name: String(decoding: name, as: UTF8.self), port: parts.port)
    }
    guard let parsed else { return nil }
    self = parsed
  }

  private init(name: String, port: UInt16?) {
    self.name = name
    self.port = port
  }

  /// Where the name lies in `range`, and the port; nil if the bytes are no host.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>
  ) -> (name: Range<Int>, port: UInt16?)? {
    guard let end = endOfName(bytes, in: range), end > range.lowerBound else { return nil }
    if end == range.upperBound { return (range, nil) }
    let portRange = end + 1..<range.upperBound
    guard bytes[end] == ASCII.colon else { return nil }
    if portRange.isEmpty { return (range.lowerBound..<end, nil) }
    guard let port = port(bytes, portRange) else { return nil }
    return (range.lowerBound..<end, port)
  }

  private static func endOfName(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Int? {
    let start = range.lowerBound
    guard start < range.upperBound, bytes[start] == UInt8(ascii: "[") else {
      return bytes.end(of: .unreserved, from: start, to: range.upperBound)
    }
    let end = bytes.firstIndex(of: UInt8(ascii: "]"), in: range)
    guard end < range.upperBound, IPv6Text.isAddress(bytes, start + 1..<end) else {
      return nil
    }
    return end + 1
  }

  private static func port(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt16? {
    guard range.count <= 5 else { return nil }
    var port = 0
    for index in range {
      guard ASCII.isDigit(bytes[index]) else { return nil }
      port = port * 10 + Int(bytes[index] - ASCII.zero)
    }
    return UInt16(exactly: port)
  }
}

/// The grammar of an IPv6 address (RFC 3986 §3.2.2): eight groups of 1–4 hex digits, one run of
/// them perhaps `::`, the last two perhaps as an IPv4 address. No zone.
enum IPv6Text {
  static func isAddress(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    let end = range.upperBound
    var groups = 0
    var hasGap = false
    if startsGap(bytes, position, end) {
      hasGap = true
      position += 2
    }
    while position < end {
      let start = position
      position = bytes.end(of: .hexDigit, from: position, to: end)
      if position < end, bytes[position] == ASCII.dot {
        guard isIPv4(bytes, start..<end) else { return false }
        return hasGap ? groups + 2 <= 7 : groups + 2 == 8
      }
      guard (1...4).contains(position - start) else { return false }
      groups += 1
      if position == end { break }
      if startsGap(bytes, position, end) {
        guard !hasGap else { return false }
        hasGap = true
        position += 2
      } else {
        guard bytes[position] == ASCII.colon, position + 1 < end else { return false }
        position += 1
      }
    }
    return hasGap ? groups <= 7 : groups == 8
  }

  private static func startsGap(
    _ bytes: UnsafeRawBufferPointer, _ position: Int, _ end: Int
  ) -> Bool {
    position + 1 < end && bytes[position] == ASCII.colon && bytes[position + 1] == ASCII.colon
  }

  /// Four numbers of 0–255 without leading zeros.
  private static func isIPv4(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    var parts = 0
    var start = range.lowerBound
    for index in range.lowerBound...range.upperBound {
      guard index == range.upperBound || bytes[index] == ASCII.dot else { continue }
      guard isOctet(bytes, start..<index) else { return false }
      parts += 1
      start = index + 1
    }
    return parts == 4
  }

  private static func isOctet(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    guard (1...3).contains(range.count) else { return false }
    if range.count > 1, bytes[range.lowerBound] == ASCII.zero { return false }
    var value = 0
    for index in range {
      guard ASCII.isDigit(bytes[index]) else { return false }
      value = value * 10 + Int(bytes[index] - ASCII.zero)
    }
    return value <= 255
  }
}
