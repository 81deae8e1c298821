/// Reads the server's answers (RFC 8259). Tolerant: what it can't read is nil, never a trap; a
/// load client judges members, not grammar.
struct JSONParser {
  private let bytes: [UInt8]
  private var index = 0
  private var depth = 0

  private static let maxDepth = 32

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Nil if the bytes are no JSON value.
  static func parse(_ bytes: [UInt8]) -> JSON? {
    var parser = JSONParser(bytes)
    guard let value = parser.value() else { return nil }
    parser.skipBlanks()
    return parser.index == bytes.count ? value : nil
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { index += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard next == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func value() -> JSON? {
    skipBlanks()
    guard let first = next, depth < Self.maxDepth else { return nil }
    depth += 1
    defer { depth -= 1 }
    switch first {
    case UInt8(ascii: "{"): return object()
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return word("true", .bool(true))
    case UInt8(ascii: "f"): return word("false", .bool(false))
    case UInt8(ascii: "n"): return word("null", .null)
    default: return number()
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) -> JSON? {
    for offset in 0..<text.utf8CodeUnitCount {
      guard next == text.utf8Start[offset] else { return nil }
      index += 1
    }
    return value
  }

  private mutating func number() -> JSON? {
    let start = index
    while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) {
      index += 1
    }
    let number = Double(String(decoding: bytes[start..<index], as: UTF8.self))
    return number.flatMap { $0.isFinite ? .number($0) : nil }
  }

  private mutating func array() -> JSON? {
    var values: [JSON] = []
    guard take("["), !take("]") else { return .array(values) }
    repeat {
      guard let value = value() else { return nil }
      values.append(value)
    } while take(",")
    return take("]") ? .array(values) : nil
  }

  private mutating func object() -> JSON? {
    var members: [JSON.Member] = []
    guard take("{"), !take("}") else { return .object(members) }
    repeat {
      skipBlanks()
      guard let name = string(), take(":"), let value = value() else { return nil }
      members.append(.init(name: name, value: value))
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func string() -> String? {
    guard next == UInt8(ascii: "\"") else { return nil }
    index += 1
    var text: [UInt8] = []
    while let byte = next {
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
      default: text.append(byte)
      }
    }
    return nil
  }

  /// What follows a backslash; half a surrogate pair becomes U+FFFD.
  private mutating func escape() -> Unicode.Scalar? {
    guard let byte = next else { return nil }
    index += 1
    switch byte {
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return unicodeEscape()
    default: return Unicode.Scalar(byte)
    }
  }

  private mutating func unicodeEscape() -> Unicode.Scalar? {
    guard let first = hexDigits() else { return nil }
    guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
    let resume = index
    if next == UInt8(ascii: "\\"), index + 1 < bytes.count,
      bytes[index + 1] == UInt8(ascii: "u")
    {
      index += 2
      if let second = hexDigits(), (0xDC00...0xDFFF).contains(second) {
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      }
    }
    index = resume
    return "\u{FFFD}"
  }

  private mutating func hexDigits() -> UInt32? {
    guard index + 4 <= bytes.count else { return nil }
    defer { index += 4 }
    return UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
  }
}
