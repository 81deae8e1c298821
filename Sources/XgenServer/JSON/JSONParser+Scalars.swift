// MARK: Strings (RFC 8259 §7)

extension JSONParser {
  /// A string, from its opening quote. One without escapes is copied in one piece.
  mutating func string() throws(JSONError) -> String {
    let start = position + 1
    var end = start
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") { return try plainString(start..<end) }
      if byte == UInt8(ascii: "\\") { return try escapedString(start..<end) }
      if byte < 0x20 { throw fault(.controlCharacter, at: end) }
      end += 1
    }
    throw fault(.unexpectedEnd, at: bytes.count)
  }

  private mutating func plainString(_ range: Range<Int>) throws(JSONError) -> String {
    let content = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard let text = String(validating: content, as: UTF8.self) else {
      throw fault(.invalidUTF8, at: range.lowerBound)
    }
    position = range.upperBound + 1
    return text
  }

  /// A string whose first escape is at the end of `prefix`.
  private mutating func escapedString(_ prefix: Range<Int>) throws(JSONError) -> String {
    var content = [UInt8](bytes[prefix])
    position = prefix.upperBound
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw fault(.invalidUTF8, at: prefix.lowerBound)
        }
        position += 1
        return text
      case UInt8(ascii: "\\"):
        try escape(into: &content)
      case 0..<0x20:
        throw fault(.controlCharacter)
      default:
        content.append(byte)
        position += 1
      }
    }
    throw fault(.unexpectedEnd)
  }

  /// Decodes the escape at `position`.
  private mutating func escape(into content: inout [UInt8]) throws(JSONError) {
    let start = position
    position += 1
    guard let kind = peek() else { throw fault(.unexpectedEnd) }
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(kind)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"): content.append(contentsOf: try scalar(escapedAt: start).utf8)
    default: throw fault(.invalidEscape, at: start)
    }
  }

  /// What follows `\u`: a scalar of the basic plane, or both halves of a surrogate pair.
  private mutating func scalar(escapedAt start: Int) throws(JSONError) -> Unicode.Scalar {
    let unit = try hexUnit(escapedAt: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard UTF16.isLeadSurrogate(unit) else { throw fault(.loneSurrogate, at: start) }
    guard peek() != nil else { throw fault(.unexpectedEnd) }
    guard skip(UInt8(ascii: "\\")) else { throw fault(.loneSurrogate, at: start) }
    guard peek() != nil else { throw fault(.unexpectedEnd) }
    guard skip(UInt8(ascii: "u")) else { throw fault(.loneSurrogate, at: start) }
    let trail = try hexUnit(escapedAt: start)
    guard UTF16.isTrailSurrogate(trail) else { throw fault(.loneSurrogate, at: start) }
    return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
  }

  /// Four hexadecimal digits.
  private mutating func hexUnit(escapedAt start: Int) throws(JSONError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek() else { throw fault(.unexpectedEnd) }
      guard let digit = hexDigitValue(byte) else { throw fault(.invalidEscape, at: start) }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}

/// The value of an ASCII hexadecimal digit of either case.
func hexDigitValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

// MARK: Numbers (RFC 8259 §6)

extension JSONParser {
  /// A number. A leading zero ends it, so that `01` fails at the `1`.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    var isInteger = true
    _ = skip(UInt8(ascii: "-"))
    if !skip(UInt8(ascii: "0")) { try digits() }
    if skip(UInt8(ascii: ".")) {
      isInteger = false
      try digits()
    }
    if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
      isInteger = false
      if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      throw fault(.numberOutOfRange, at: start)
    }
    return .double(value)
  }

  /// One digit or more.
  private mutating func digits() throws(JSONError) {
    let start = position
    while let byte = peek(), UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
    guard position > start else { throw faultHere() }
  }
}
