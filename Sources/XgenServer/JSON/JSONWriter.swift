/// Writes JSON (RFC 8259) at the end of a byte array, without white space.
///
/// Puts commas and escapes; whoever calls pairs `begin…` with `end…` and puts a `key` before each
/// value of an object. Strings are safe inside a `<script>` literal's line structure (U+2028 and
/// U+2029 are escaped).
struct JSONWriter {
  /// What one byte of a string may become: a control character's escape.
  static let maxEscapedBytes = 6

  private(set) var bytes: [UInt8]
  /// Whether the next key or element follows another one.
  private var needsComma = false

  /// `reserving`: about how many bytes will be written.
  init(appendingTo bytes: [UInt8] = [], reserving count: Int = 0) {
    self.bytes = bytes
    if count > 0 { self.bytes.reserveCapacity(bytes.count + count) }
  }

  mutating func beginObject() { open(UInt8(ascii: "{")) }
  mutating func endObject() { close(UInt8(ascii: "}")) }
  mutating func beginArray() { open(UInt8(ascii: "[")) }
  mutating func endArray() { close(UInt8(ascii: "]")) }

  mutating func key(_ name: String) {
    separate()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  mutating func string(_ text: String) {
    separate()
    quote(text)
  }

  mutating func int(_ number: some BinaryInteger) { token(String(number)) }

  /// A number that JSON cannot express (infinite, not a number) becomes null.
  mutating func double(_ number: Double) { token(number.isFinite ? number.description : "null") }

  /// Ends a line: the next value stands on one of its own.
  mutating func endLine() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  mutating func bool(_ flag: Bool) { token(flag ? "true" : "false") }
  mutating func null() { token("null") }
}

// MARK: Values

extension JSONWriter {
  /// A string, or null for nil.
  mutating func string(orNull text: String?) {
    if let text { string(text) } else { null() }
  }

  mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let flag): bool(flag)
    case .int(let number): int(number)
    case .double(let number): double(number)
    case .string(let text): string(text)
    case .array(let elements):
      beginArray()
      for element in elements { self.value(element) }
      endArray()
    case .object(let object):
      beginObject()
      for member in object.members {
        key(member.name)
        self.value(member.value)
      }
      endObject()
    }
  }
}

extension JSONValue {
  /// The value as JSON text; members keep their order.
  func serialized() -> [UInt8] {
    var writer = JSONWriter()
    writer.value(self)
    return writer.bytes
  }
}

// MARK: Bytes

extension JSONWriter {
  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func token(_ text: String) {
    separate()
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { escape($0) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Copies runs of bytes that need no escape in one piece.
  private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
    var runStart = 0
    var position = Self.endOfPlain(text, from: 0)
    while position < text.count {
      let length = escapedLength(text, at: position)
      if length > 0 {
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runStart..<position]))
        appendEscape(of: text, at: position)
        runStart = position + length
      }
      position = Self.endOfPlain(text, from: position + max(length, 1))
    }
    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runStart...]))
  }

  /// The first byte from there on that may begin something to be escaped, or the end.
  private static func endOfPlain(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var position = start
    while position < text.count {
      let byte = text[position]
      if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0xE2 { break }
      position &+= 1
    }
    return position
  }

  /// How many bytes at `position` stand for a character that must be escaped; 0 for none.
  private func escapedLength(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
    let byte = text[position]
    if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return 1 }
    guard byte == 0xE2, position + 2 < text.count else { return 0 }
    return text[position + 1] == 0x80 && text[position + 2] & 0xFE == 0xA8 ? 3 : 0
  }

  private mutating func appendEscape(of text: UnsafeBufferPointer<UInt8>, at position: Int) {
    switch text[position] {
    case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
    case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
    case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
    case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
    case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
    case 0xE2: bytes.append(contentsOf: (text[position + 2] == 0xA8 ? #"\u2028"# : #"\u2029"#).utf8)
    case let control:
      bytes.append(contentsOf: (control < 0x10 ? #"\u000"# : #"\u00"#).utf8)
      bytes.append(contentsOf: String(control, radix: 16).utf8)
    }
  }
}
