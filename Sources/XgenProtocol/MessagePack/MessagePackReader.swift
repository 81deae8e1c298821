/// A cursor over MessagePack bytes that it does not own.
///
/// The bytes must outlive the reader and every slice that `readBinary` returns. Lengths are
/// checked against the bytes left before anything is read or allocated. After an error the
/// cursor's place is unspecified.
public struct MessagePackReader {
  private let bytes: UnsafeRawBufferPointer
  /// Bytes consumed so far.
  private(set) var offset: Int

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.init(bytes, at: 0)
  }

  init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    precondition(offset >= 0 && offset <= bytes.count)
    self.bytes = bytes
    self.offset = offset
  }

  public var remainingBytes: Int {
    bytes.count - offset
  }

  /// The type of the next value, which stays unread.
  public func peekKind() throws(MessagePackError) -> MessagePackKind {
    var ahead = offset
    return try MessagePackHead.parse(bytes, at: &ahead).kind
  }

  /// Refuses bytes behind what was read.
  public func finish() throws(MessagePackError) {
    guard remainingBytes == 0 else { throw .trailingBytes }
  }

  /// Consumes a nil if one is next; says whether it was.
  public mutating func readNilIfPresent() throws(MessagePackError) -> Bool {
    guard remainingBytes > 0 else { throw .truncated }
    guard bytes[offset] == 0xc0 else { return false }
    offset += 1
    return true
  }

  public mutating func readBool() throws(MessagePackError) -> Bool {
    guard case .boolean(let value) = try readHead() else {
      throw .typeMismatch(expected: .boolean)
    }
    return value
  }

  public mutating func readInt() throws(MessagePackError) -> Int64 {
    try readInteger()
  }

  public mutating func readUInt32() throws(MessagePackError) -> UInt32 {
    try readInteger()
  }

  public mutating func readUInt64() throws(MessagePackError) -> UInt64 {
    try readInteger()
  }

  /// An integer in whichever encoding, a float with an integral value among them: JavaScript
  /// knows no other number.
  public mutating func readInteger<T: FixedWidthInteger>(
    as type: T.Type = T.self
  ) throws(MessagePackError) -> T {
    let value: T?
    switch try readHead() {
    case .unsigned(let number): value = T(exactly: number)
    case .signed(let number): value = T(exactly: number)
    case .float(let number) where number.isFinite && number.rounded() == number:
      value = T(exactly: number)
    default: throw .typeMismatch(expected: .integer)
    }
    guard let value else { throw .integerOutOfRange }
    return value
  }

  /// A float of either width, or an integer: "smallest encoding" libraries send 1.0 as 1.
  public mutating func readDouble() throws(MessagePackError) -> Double {
    switch try readHead() {
    case .float(let number): return number
    case .unsigned(let number): return Double(number)
    case .signed(let number): return Double(number)
    default: throw .typeMismatch(expected: .float)
    }
  }

  public mutating func readString() throws(MessagePackError) -> String {
    guard let text = String(validating: try readStringBytes(), as: UTF8.self) else {
      throw .invalidUTF8
    }
    return text
  }

  /// A string's bytes, borrowed and not validated.
  mutating func readStringBytes() throws(MessagePackError) -> UnsafeRawBufferPointer {
    guard case .string(let count) = try readHead() else {
      throw .typeMismatch(expected: .string)
    }
    return try take(count)
  }

  /// Binary data, borrowed. A str is accepted too: libraries of the format's first version have
  /// no bin and write raw bytes as str.
  public mutating func readBinary() throws(MessagePackError) -> UnsafeRawBufferPointer {
    switch try readHead() {
    case .binary(let count), .string(let count): return try take(count)
    default: throw .typeMismatch(expected: .binary)
    }
  }

  /// The count of an array's elements, which follow.
  public mutating func readArrayHeader() throws(MessagePackError) -> Int {
    guard case .array(let count) = try readHead() else { throw .typeMismatch(expected: .array) }
    guard count <= remainingBytes else { throw .tooManyElements }
    return count
  }

  /// The count of a map's pairs, which follow, key before value.
  public mutating func readMapHeader() throws(MessagePackError) -> Int {
    guard case .map(let count) = try readHead() else { throw .typeMismatch(expected: .map) }
    guard count <= remainingBytes / 2 else { throw .tooManyElements }
    return count
  }

  private mutating func readHead() throws(MessagePackError) -> MessagePackHead {
    try MessagePackHead.parse(bytes, at: &offset)
  }

  private mutating func take(_ count: Int) throws(MessagePackError) -> UnsafeRawBufferPointer {
    guard count <= remainingBytes else { throw .truncated }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }
}

extension MessagePackReader {
  /// Passes over the next value, whatever it is. Strings inside are not validated.
  public mutating func skip() throws(MessagePackError) {
    var budget = WireLimits.maxSkippedElements
    try skip(depth: 0, budget: &budget)
  }

  private mutating func skip(depth: Int, budget: inout Int) throws(MessagePackError) {
    guard budget > 0 else { throw .tooManyElements }
    budget -= 1
    switch try readHead() {
    case .nil, .boolean, .unsigned, .signed, .float: return
    case .string(let count), .binary(let count): _ = try take(count)
    case .ext(let count): _ = try take(1 + count)
    case .array(let count): try skip(count, depth: depth + 1, budget: &budget)
    case .map(let pairs): try skip(2 * pairs, depth: depth + 1, budget: &budget)
    }
  }

  private mutating func skip(
    _ count: Int, depth: Int, budget: inout Int
  ) throws(MessagePackError) {
    guard depth <= WireLimits.maxNestingDepth else { throw .depthExceeded }
    guard count <= remainingBytes else { throw .tooManyElements }
    for _ in 0..<count {
      try skip(depth: depth, budget: &budget)
    }
  }
}
