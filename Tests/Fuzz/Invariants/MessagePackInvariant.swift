#if canImport(XgenProtocol)
  @testable import XgenProtocol
#endif

/// Reading and skipping a value take the same bytes; a value, or a message of any type, that is
/// read and written again is read back the same; no count is believed beyond the bytes behind it.
func checkMessagePack(_ input: FuzzInput) throws {
  try withExactBytes(input.bytes) { try checkTree(UnsafeRawBufferPointer($0)) }
  for type in wireTypes { try checkPayload(type, input.bytes) }
  guard input.isThorough else { return }
  for end in input.bytes.indices {
    try withExactBytes(input.bytes[..<end]) { try checkTree(UnsafeRawBufferPointer($0)) }
    for type in wireTypes { try checkPayload(type, input.bytes[..<end]) }
  }
}

private func checkTree(_ bytes: UnsafeRawBufferPointer) throws {
  var reader = MessagePackReader(bytes)
  var budget = WireLimits.maxSkippedElements
  var skipper = MessagePackReader(bytes)
  let isSkipped = (try? skipper.skip()) != nil
  guard let tree = try? MessagePackTree(&reader, depth: 0, &budget) else { return }
  try require(isSkipped && skipper.offset == reader.offset, "skipped otherwise than read")
  try require(reader.offset <= bytes.count, "read beyond the end")
  var writer = MessagePackWriter()
  tree.write(into: &writer)
  try require(writer.bytes.count <= 2 * reader.offset + 1, "not the smallest encoding")
  try withExactBytes(writer.bytes) { written in
    var second = MessagePackReader(UnsafeRawBufferPointer(written))
    var budget = WireLimits.maxSkippedElements
    let again = try MessagePackTree(&second, depth: 0, &budget)
    try require(again == tree, "read back otherwise")
    try require((try? second.finish()) != nil, "bytes were left over")
  }
}

/// Any value but an extension, which nobody here reads.
private indirect enum MessagePackTree: Equatable {
  case none
  case bool(Bool)
  case signed(Int64)
  /// Above `Int64.max`.
  case unsigned(UInt64)
  /// Its bits: one NaN is not another.
  case float(UInt64)
  case text([UInt8])
  case binary([UInt8])
  case list([MessagePackTree])
  case map([[MessagePackTree]])

  init(_ reader: inout MessagePackReader, depth: Int, _ budget: inout Int) throws {
    guard budget > 0, depth <= WireLimits.maxNestingDepth else {
      throw MessagePackError.depthExceeded
    }
    budget -= 1
    switch try reader.peekKind() {
    case .nil: self = try reader.readNilIfPresent() ? .none : .bool(false)
    case .boolean: self = .bool(try reader.readBool())
    case .integer: self = try Self.integer(&reader)
    case .float: self = .float(try reader.readDouble().bitPattern)
    case .string: self = .text(Array(try reader.readString().utf8))
    case .binary: self = .binary(Array(try reader.readBinary()))
    case .array:
      self = .list(try Self.elements(try reader.readArrayHeader(), &reader, depth, &budget))
    case .map:
      let count = try reader.readMapHeader()
      self = .map(
        try (0..<count).map { _ in try Self.elements(2, &reader, depth, &budget) })
    case .ext: throw MessagePackError.typeMismatch(expected: .ext)
    }
  }

  private static func integer(_ reader: inout MessagePackReader) throws -> MessagePackTree {
    var ahead = reader
    if let number = try? ahead.readInt() {
      reader = ahead
      return .signed(number)
    }
    return .unsigned(try reader.readUInt64())
  }

  private static func elements(
    _ count: Int, _ reader: inout MessagePackReader, _ depth: Int, _ budget: inout Int
  ) throws -> [MessagePackTree] {
    try (0..<count).map { _ in try MessagePackTree(&reader, depth: depth + 1, &budget) }
  }

  func write(into writer: inout MessagePackWriter) {
    switch self {
    case .none: writer.writeNil()
    case .bool(let value): writer.write(value)
    case .signed(let value): writer.write(value)
    case .unsigned(let value): writer.write(value)
    case .float(let bits): writer.write(Double(bitPattern: bits))
    case .text(let bytes): writer.write(String(decoding: bytes, as: UTF8.self))
    case .binary(let bytes): bytes.withUnsafeBytes { writer.writeBinary($0) }
    case .list(let values):
      writer.writeArrayHeader(values.count)
      for value in values { value.write(into: &writer) }
    case .map(let pairs):
      writer.writeMapHeader(pairs.count)
      for value in pairs.joined() { value.write(into: &writer) }
    }
  }
}
