/// The known fields of one message's map.
///
/// The map is walked once: where each known field's value begins is noted, unknown keys are
/// passed over, and a known key that comes twice is refused. Then fields are asked for by name,
/// in the order of the struct that wants them. A nil counts as absent.
struct FieldReader {
  private let payload: UnsafeRawBufferPointer
  private var slots: [Slot]

  private struct Slot {
    let name: String
    var offset: Int?
  }

  /// Reads a payload that is one map and nothing else.
  init(_ payload: UnsafeRawBufferPointer, _ names: String...) throws(ProtocolError) {
    var reader = MessagePackReader(payload)
    try self.init(payload, &reader, names)
    do throws(MessagePackError) { try reader.finish() } catch { throw .malformed(error) }
  }

  /// Reads the map at `reader`, a cursor over `payload`, and leaves it behind the map.
  init(
    _ payload: UnsafeRawBufferPointer, _ reader: inout MessagePackReader, _ names: [String]
  ) throws(ProtocolError) {
    self.payload = payload
    slots = names.map { Slot(name: $0) }
    let duplicate: String?
    do throws(MessagePackError) {
      duplicate = try noteFields(&reader)
    } catch {
      throw .malformed(error)
    }
    if let duplicate { throw .duplicateField(duplicate) }
  }

  /// Walks the map, up to the first known key that comes again, which it returns.
  private mutating func noteFields(
    _ reader: inout MessagePackReader
  ) throws(MessagePackError) -> String? {
    let pairs = try reader.readMapHeader()
    guard pairs <= WireLimits.maxFields else { throw .tooManyElements }
    for _ in 0..<pairs {
      if let index = try slotOfKey(&reader) {
        guard slots[index].offset == nil else { return slots[index].name }
        slots[index].offset = reader.offset
      }
      try reader.skip()
    }
    return nil
  }

  /// Consumes a key; nil for one that is unknown or not a string.
  private func slotOfKey(_ reader: inout MessagePackReader) throws(MessagePackError) -> Int? {
    guard try reader.peekKind() == .string else {
      try reader.skip()
      return nil
    }
    let key = try reader.readStringBytes()
    return slots.firstIndex { $0.name.utf8.elementsEqual(key) }
  }
}

extension FieldReader {
  /// The field's value as `read` reads it; nil where the field is absent or nil.
  func optional<T>(
    _ name: String, _ read: (inout MessagePackReader) throws(FieldFault) -> T
  ) throws(ProtocolError) -> T? {
    guard let offset = offset(of: name) else { return nil }
    var reader = MessagePackReader(payload, at: offset)
    do throws(FieldFault) {
      return try reader.isNil() ? nil : try read(&reader)
    } catch {
      throw .invalidField(name, error)
    }
  }

  /// As `optional`, but the field must be there.
  func required<T>(
    _ name: String, _ read: (inout MessagePackReader) throws(FieldFault) -> T
  ) throws(ProtocolError) -> T {
    guard let value = try optional(name, read) else { throw .missingField(name) }
    return value
  }

  /// Whether the key is there at all, be its value nil.
  func contains(_ name: String) -> Bool {
    offset(of: name) != nil
  }

  private func offset(of name: String) -> Int? {
    guard let slot = slots.first(where: { $0.name == name }) else {
      preconditionFailure("field \(name) was not declared")
    }
    return slot.offset
  }
}

extension FieldReader {
  func string(_ name: String) throws(ProtocolError) -> String {
    try required(name) { (value) throws(FieldFault) in try value.text() }
  }

  /// A string bound for a C API, where a NUL byte would end it early.
  func cString(_ name: String) throws(ProtocolError) -> String {
    try required(name) { (value) throws(FieldFault) in try value.cString() }
  }

  func optionalCString(_ name: String) throws(ProtocolError) -> String? {
    try optional(name) { (value) throws(FieldFault) in try value.cString() }
  }

  func bool(_ name: String) throws(ProtocolError) -> Bool {
    try required(name) { (value) throws(FieldFault) in try value.bool() }
  }

  func optionalBool(_ name: String) throws(ProtocolError) -> Bool? {
    try optional(name) { (value) throws(FieldFault) in try value.bool() }
  }

  func integer<T: FixedWidthInteger>(_ name: String) throws(ProtocolError) -> T {
    try required(name) { (value) throws(FieldFault) in try value.integer() }
  }

  func optionalInteger<T: FixedWidthInteger>(_ name: String) throws(ProtocolError) -> T? {
    try optional(name) { (value) throws(FieldFault) in try value.integer() }
  }

  func double(_ name: String) throws(ProtocolError) -> Double {
    try required(name) { (value) throws(FieldFault) in try value.double() }
  }
}
