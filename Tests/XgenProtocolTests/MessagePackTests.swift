import Testing

@testable import XgenProtocol

/// Reads one whole value.
private func read<T>(
  _ bytes: [UInt8], _ body: (inout MessagePackReader) throws -> T
) throws -> T {
  try withExactBytes(bytes) {
    var reader = MessagePackReader($0)
    let value = try body(&reader)
    try reader.finish()
    return value
  }
}

private func written(_ body: (inout MessagePackWriter) -> Void) -> [UInt8] {
  var writer = MessagePackWriter()
  body(&writer)
  return writer.bytes
}

@Suite struct MessagePackNumberTests {
  @Test(
    arguments: [
      (0, [0x00]), (127, [0x7f]), (128, [0xcc, 0x80]), (255, [0xcc, 0xff]),
      (256, [0xcd, 1, 0]), (65_535, [0xcd, 0xff, 0xff]), (65_536, [0xce, 0, 1, 0, 0]),
      (4_294_967_296, [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
      (-1, [0xff]), (-32, [0xe0]), (-33, [0xd0, 0xdf]), (-128, [0xd0, 0x80]),
      (-129, [0xd1, 0xff, 0x7f]), (-32_768, [0xd1, 0x80, 0]),
      (-32_769, [0xd2, 0xff, 0xff, 0x7f, 0xff]),
      (-2_147_483_649, [0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
      (Int64.min, [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] as [(Int64, [UInt8])])
  func integersTakeTheirSmallestEncoding(value: Int64, bytes: [UInt8]) throws {
    #expect(written { $0.write(value) } == bytes)
    #expect(try read(bytes) { try $0.readInt() } == value)
  }

  @Test(
    arguments: [
      [0x05], [0xcc, 5], [0xcd, 0, 5], [0xce, 0, 0, 0, 5], [0xcf, 0, 0, 0, 0, 0, 0, 0, 5],
      [0xd0, 5], [0xd1, 0, 5], [0xd2, 0, 0, 0, 5], [0xd3, 0, 0, 0, 0, 0, 0, 0, 5],
      [0xca, 0x40, 0xa0, 0, 0], [0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]])
  func anyEncodingOfAnIntegerIsRead(bytes: [UInt8]) throws {
    #expect(try read(bytes) { try $0.readUInt32() } == 5)
    #expect(try read(bytes) { try $0.readInt() } == 5)
  }

  @Test func integersOutOfRangeAreRefused() {
    let range = MessagePackError.integerOutOfRange
    #expect(throws: range) { try read(Value.int(-1).bytes) { try $0.readUInt32() } }
    #expect(throws: range) { try read(Value.int(1 << 32).bytes) { try $0.readUInt32() } }
    #expect(throws: range) {
      try read(written { $0.write(UInt64.max) }) { try $0.readInt() }
    }
    #expect(throws: range) { try read(Value.float(1e300).bytes) { try $0.readInt() } }
    #expect(throws: range) { try read(Value.float(0x1p63).bytes) { try $0.readInt() } }
    #expect(throws: range) { try read(Value.float(-1).bytes) { try $0.readUInt64() } }
  }

  @Test(arguments: [0.5, .nan, .infinity, -.infinity])
  func floatsThatAreNoIntegersAreRefused(value: Double) {
    #expect(throws: MessagePackError.typeMismatch(expected: .integer)) {
      try read(Value.float(value).bytes) { try $0.readInt() }
    }
  }

  @Test func doublesAreReadFromAnyNumber() throws {
    #expect(try read(Value.float(-2.5).bytes) { try $0.readDouble() } == -2.5)
    #expect(try read([0xca, 0x3f, 0x80, 0, 0]) { try $0.readDouble() } == 1)
    #expect(try read([0x03]) { try $0.readDouble() } == 3)
    #expect(try read([0xff]) { try $0.readDouble() } == -1)
    #expect(throws: MessagePackError.typeMismatch(expected: .float)) {
      try read([0xc2]) { try $0.readDouble() }
    }
  }
}

@Suite struct MessagePackBytesTests {
  @Test(arguments: [0, 31, 32, 255, 256, 65_535, 65_536])
  func stringsAndBinariesOfEveryLengthComeBack(count: Int) throws {
    let text = String(repeating: "x", count: count)
    let data = Array(text.utf8)
    #expect(try read(Value.text(text).bytes) { try $0.readString() } == text)
    #expect(try read(Value.binary(data).bytes) { Array(try $0.readBinary()) } == data)
    #expect(try read(Value.text(text).bytes) { Array(try $0.readBinary()) } == data)
  }

  @Test func headersAreTheSmallest() {
    #expect(Value.text("").bytes == [0xa0])
    #expect(Value.text(String(repeating: "x", count: 32)).bytes.prefix(2) == [0xd9, 32])
    #expect(Value.text(String(repeating: "x", count: 256)).bytes.prefix(3) == [0xda, 1, 0])
    #expect(Value.binary([]).bytes == [0xc4, 0])
    #expect(written { $0.writeArrayHeader(15) } == [0x9f])
    #expect(written { $0.writeArrayHeader(16) } == [0xdc, 0, 16])
    #expect(written { $0.writeArrayHeader(65_536) } == [0xdd, 0, 1, 0, 0])
    #expect(written { $0.writeMapHeader(15) } == [0x8f])
    #expect(written { $0.writeMapHeader(16) } == [0xde, 0, 16])
    #expect(written { $0.writeMapHeader(65_536) } == [0xdf, 0, 1, 0, 0])
  }

  @Test func binaryIsBorrowedNotCopied() throws {
    let bytes = Value.binary([1, 2, 3]).bytes
    try withExactBytes(bytes) { payload in
      var reader = MessagePackReader(payload)
      let slice = try reader.readBinary()
      #expect(slice.baseAddress == payload.baseAddress! + 2)
    }
  }

  @Test func stringIsNotReadFromBinary() {
    #expect(throws: MessagePackError.typeMismatch(expected: .string)) {
      try read(Value.binary([0x61]).bytes) { try $0.readString() }
    }
  }

  @Test(arguments: [[0xa1, 0xff], [0xa2, 0xc0, 0x80], [0xa3, 0xed, 0xa0, 0x80]] as [[UInt8]])
  func stringsThatAreNotUTF8AreRefused(bytes: [UInt8]) {
    #expect(throws: MessagePackError.invalidUTF8) { try read(bytes) { try $0.readString() } }
  }

  @Test(arguments: [[0xa5, 0x61], [0xdb, 0xff, 0xff, 0xff, 0xff], [0xc4, 1], [0xc6, 0, 0]])
  func lengthsBeyondTheBytesAreTruncated(bytes: [UInt8]) {
    #expect(throws: MessagePackError.truncated) { try read(bytes) { try $0.readBinary() } }
  }
}

@Suite struct MessagePackStructureTests {
  @Test func countsBeyondTheBytesAreRefused() {
    let many = MessagePackError.tooManyElements
    #expect(throws: many) {
      try read([0xdd, 0xff, 0xff, 0xff, 0xff]) { try $0.readArrayHeader() }
    }
    #expect(throws: many) { try read([0x92, 0xc0]) { try $0.readArrayHeader() } }
    #expect(throws: many) { try read([0x82, 0xc0, 0xc0, 0xc0]) { try $0.readMapHeader() } }
    #expect(throws: many) { try read([0xdf, 0xff, 0xff, 0xff, 0xff]) { try $0.skip() } }
  }

  @Test(
    arguments: [
      ([0xc0], .nil), ([0xc3], .boolean), ([0xe0], .integer), ([0xcb], .float), ([0xa0], .string),
      ([0xc4, 0], .binary), ([0x90], .array), ([0x80], .map), ([0xd4], .ext),
    ] as [([UInt8], MessagePackKind)])
  func kindIsPeekedWithoutConsuming(bytes: [UInt8], kind: MessagePackKind) throws {
    let padded = bytes + [UInt8](repeating: 0, count: 9)
    let (peeked, left) = try withExactBytes(padded) {
      let reader = MessagePackReader($0)
      return (try reader.peekKind(), reader.remainingBytes)
    }
    #expect(peeked == kind)
    #expect(left == padded.count)
  }

  @Test(
    arguments: [
      [0xc0], [0xc2], [0x7f], [0xe0], [0xcf, 0, 0, 0, 0, 0, 0, 0, 1], [0xa1, 0xff],
      [0xc4, 1, 0], [0x92, 0x91, 0xc0, 0x80], [0x81, 0xc0, 0x81, 0x01, 0x02],
      [0xd4, 1, 0], [0xd5, 1, 0, 0], [0xd6, 1, 0, 0, 0, 0],
      [0xd8, 1] + .init(repeating: 0, count: 16),
      [0xc7, 2, 1, 0, 0], [0xc8, 0, 0, 1],
    ] as [[UInt8]])
  func anyValueIsSkippedWhole(bytes: [UInt8]) throws {
    try read(bytes) { try $0.skip() }
  }

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> [UInt8] { .init(repeating: 0x91, count: depth) + [0xc0] }
    try read(nested(WireLimits.maxNestingDepth)) { try $0.skip() }
    for depth in [WireLimits.maxNestingDepth + 1, 1_000_000] {
      #expect(throws: MessagePackError.depthExceeded) {
        try read(nested(depth)) { try $0.skip() }
      }
    }
  }

  @Test func skippedElementsAreBounded() throws {
    func array(_ count: UInt32) -> [UInt8] {
      written { $0.writeArrayHeader(Int(count)) } + .init(repeating: 0xc0, count: Int(count))
    }
    try read(array(UInt32(WireLimits.maxSkippedElements - 1))) { try $0.skip() }
    #expect(throws: MessagePackError.tooManyElements) {
      try read(array(UInt32(WireLimits.maxSkippedElements))) { try $0.skip() }
    }
  }

  @Test func theUnusedFormatIsRefused() {
    #expect(throws: MessagePackError.unknownFormat(0xc1)) { try read([0xc1]) { try $0.skip() } }
  }

  @Test func trailingBytesAreRefused() {
    #expect(throws: MessagePackError.trailingBytes) { try read([1, 2]) { try $0.readInt() } }
  }

  @Test func nilIsConsumedOnlyWhenPresent() throws {
    #expect(try read([0xc0]) { try $0.readNilIfPresent() })
    #expect(
      try read([0xc3]) { reader in
        let isNil = try reader.readNilIfPresent()
        let value = try reader.readBool()
        return !isNil && value
      })
    #expect(throws: MessagePackError.truncated) { try read([]) { try $0.readNilIfPresent() } }
  }
}
