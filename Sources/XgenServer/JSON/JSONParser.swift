/// Limits of one JSON text, checked before the memory that they bound is taken.
struct JSONLimits: Sendable {
  /// Arrays and objects inside one another; bounds the parser's recursion, too.
  var maxDepth = 32
  /// Array elements and object members in the whole text.
  var maxElements = 100_000
}

/// A strict JSON parser (RFC 8259, and RFC 7493's ban on duplicate names).
///
/// Hostile input is an error, never a trap: every read is checked against the end, recursion is
/// bounded by `maxDepth`. Strings and numbers are in `JSONParser+Scalars.swift`.
struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  /// The next byte to read; at most `bytes.count`.
  var position = 0
  private let maxDepth: Int
  private var elementsLeft: Int

  private init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) {
    self.bytes = bytes
    maxDepth = limits.maxDepth
    elementsLeft = limits.maxElements
  }

  /// Parses exactly one value with nothing but white space around it.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
  ) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes, limits: limits)
    return try parser.document()
  }

  /// Parses exactly one value with nothing but white space around it.
  static func parse(
    _ bytes: [UInt8], limits: JSONLimits = JSONLimits()
  ) throws(JSONError) -> JSONValue {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
      try parse(UnsafeRawBufferPointer(buffer), limits: limits)
    }
  }
}

// MARK: Structure

extension JSONParser {
  private mutating func document() throws(JSONError) -> JSONValue {
    skipWhitespace()
    let value = try value(depth: 0)
    skipWhitespace()
    guard position == bytes.count else { throw fault(.trailingBytes) }
    return value
  }

  /// A value inside `depth` arrays and objects.
  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard let byte = peek() else { throw fault(.unexpectedEnd) }
    switch byte {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw fault(.unexpectedByte)
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    try open(depth: depth)
    var object = JSONObject()
    if skip(UInt8(ascii: "}")) { return object }
    while true {
      try countElement()
      let nameOffset = position
      guard peek() == UInt8(ascii: "\"") else { throw faultHere() }
      let name = try string()
      skipWhitespace()
      guard skip(UInt8(ascii: ":")) else { throw faultHere() }
      skipWhitespace()
      let value = try value(depth: depth)
      guard object.append(name, value) else { throw fault(.duplicateName, at: nameOffset) }
      if try isLast(before: UInt8(ascii: "}")) { return object }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try open(depth: depth)
    var elements: [JSONValue] = []
    if skip(UInt8(ascii: "]")) { return elements }
    while true {
      try countElement()
      elements.append(try value(depth: depth))
      if try isLast(before: UInt8(ascii: "]")) { return elements }
    }
  }

  /// Steps over `{` or `[` and the white space behind it.
  private mutating func open(depth: Int) throws(JSONError) {
    guard depth <= maxDepth else { throw fault(.tooDeep) }
    position += 1
    skipWhitespace()
  }

  private mutating func countElement() throws(JSONError) {
    guard elementsLeft > 0 else { throw fault(.tooManyElements) }
    elementsLeft -= 1
  }

  /// Steps over what follows an element: `end` (true) or a comma (false).
  private mutating func isLast(before end: UInt8) throws(JSONError) -> Bool {
    skipWhitespace()
    if skip(end) { return true }
    guard skip(UInt8(ascii: ",")) else { throw faultHere() }
    skipWhitespace()
    return false
  }

  private mutating func literal(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for offset in 0..<word.utf8CodeUnitCount {
      guard skip(word.utf8Start[offset]) else { throw faultHere() }
    }
    return value
  }
}

// MARK: Bytes

extension JSONParser {
  /// The next byte; nil at the end.
  func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Steps over the next byte if it is `expected`.
  mutating func skip(_ expected: UInt8) -> Bool {
    guard peek() == expected else { return false }
    position += 1
    return true
  }

  private mutating func skipWhitespace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  func fault(_ reason: JSONError.Reason, at offset: Int? = nil) -> JSONError {
    JSONError(reason: reason, offset: offset ?? position)
  }

  /// The error for a grammar that cannot go on at `position`.
  func faultHere() -> JSONError {
    fault(position < bytes.count ? .unexpectedByte : .unexpectedEnd)
  }
}
