/// A field's value, read with the faults that a field can have.
extension MessagePackReader {
  mutating func isNil() throws(FieldFault) -> Bool {
    try value { (reader) throws(MessagePackError) in try reader.readNilIfPresent() }
  }

  mutating func text() throws(FieldFault) -> String {
    try value { (reader) throws(MessagePackError) in try reader.readString() }
  }

  /// A string bound for a C API, where a NUL byte would end it early.
  mutating func cString() throws(FieldFault) -> String {
    let text = try text()
    guard !text.utf8.contains(0) else { throw .containsNUL }
    return text
  }

  mutating func bool() throws(FieldFault) -> Bool {
    try value { (reader) throws(MessagePackError) in try reader.readBool() }
  }

  mutating func integer<T: FixedWidthInteger>() throws(FieldFault) -> T {
    try value { (reader) throws(MessagePackError) in try reader.readInteger() }
  }

  mutating func double() throws(FieldFault) -> Double {
    try value { (reader) throws(MessagePackError) in try reader.readDouble() }
  }

  mutating func binary() throws(FieldFault) -> UnsafeRawBufferPointer {
    try value { (reader) throws(MessagePackError) in try reader.readBinary() }
  }

  mutating func kind() throws(FieldFault) -> MessagePackKind {
    try value { (reader) throws(MessagePackError) in try reader.peekKind() }
  }

  /// An array's count, at most `limit`.
  mutating func arrayCount(atMost limit: Int) throws(FieldFault) -> Int {
    let count = try value { (reader) throws(MessagePackError) in try reader.readArrayHeader() }
    guard count <= limit else { throw .tooMany }
    return count
  }

  /// A map's count of pairs, at most `limit`.
  mutating func mapCount(atMost limit: Int) throws(FieldFault) -> Int {
    let count = try value { (reader) throws(MessagePackError) in try reader.readMapHeader() }
    guard count <= limit else { throw .tooMany }
    return count
  }

  private mutating func value<T>(
    _ read: (inout MessagePackReader) throws(MessagePackError) -> T
  ) throws(FieldFault) -> T {
    do throws(MessagePackError) {
      return try read(&self)
    } catch {
      throw .encoding(error)
    }
  }
}
