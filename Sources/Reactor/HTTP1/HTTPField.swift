/// A header that can be written: its name is a token and its value holds no control characters,
/// whatever they were made from. There is no other way to make one, so that no input ends a line
/// early and adds headers of its own.
public struct HTTPField: Sendable, Hashable {
  public let name: String
  public let value: String
  /// What the encoder decides about this name.
  let role: Role

  /// Names that the encoder writes by itself, from the framing and the host that it is given; a
  /// second one beside them would be two answers to one question.
  enum Role: Sendable { case plain, framing, host }

  /// nil if the name is no token or the value no field value (RFC 9110 §5.5): no CR, LF, NUL or
  /// other control but HTAB, no blanks at its ends.
  public init?(_ name: String, _ value: String) {
    guard Self.isName(name), Self.isValue(value) else { return nil }
    self.init(valid: name, value)
  }

  /// A header known when the program is written. Precondition: it is valid.
  public init(fixed name: StaticString, _ value: StaticString) {
    let (name, value) = (name.description, value.description)
    precondition(Self.isName(name) && Self.isValue(value), "invalid header \(name)")
    self.init(valid: name, value)
  }

  /// A header with a number. Precondition: the name is valid.
  public init(fixed name: StaticString, _ value: Int) {
    let name = name.description
    precondition(Self.isName(name), "invalid header \(name)")
    self.init(valid: name, String(value))
  }

  /// The same header with another value; nil if it is no field value.
  public func with(_ value: String) -> HTTPField? {
    Self.isValue(value) ? HTTPField(self, value) : nil
  }

  /// The same header with a number.
  public func with(_ value: Int) -> HTTPField { HTTPField(self, String(value)) }

  private init(_ other: HTTPField, _ value: String) {
    name = other.name
    self.value = value
    role = other.role
  }

  private init(valid name: String, _ value: String) {
    self.name = name
    self.value = value
    role = Self.role(name)
  }

  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { ByteSet.token.contains($0) }
  }

  static func isValue(_ value: String) -> Bool {
    var value = value
    return value.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      guard let first = bytes.first, let last = bytes.last else { return true }
      if ASCII.isBlank(first) || ASCII.isBlank(last) { return false }
      return bytes.endOfFieldText(from: 0, to: bytes.count) == bytes.count
    }
  }

  private static func role(_ name: String) -> Role {
    var name = name
    return name.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      let all = 0..<bytes.count
      if bytes.spells("content-length", in: all) { return .framing }
      if bytes.spells("transfer-encoding", in: all) { return .framing }
      return bytes.spells("host", in: all) ? .host : .plain
    }
  }
}
