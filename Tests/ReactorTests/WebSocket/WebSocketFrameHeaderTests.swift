import Testing

@testable import Reactor

@Suite struct WebSocketFrameHeaderTests {
  private func parse(_ bytes: [UInt8]) throws(WebSocketError) -> (WebSocketFrameHeader, Int)? {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(WebSocketError) in try WebSocketFrameHeader.parse(bytes) }
    }
    return try result.get()
  }

  @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 65537, Int.max], [nil, 0x0403_0201])
  func readsBackWhatItWrites(payloadCount: Int, key: UInt32?) throws {
    for opcode in [WebSocketOpcode.continuation, .text, .binary] {
      let header = WebSocketFrameHeader(
        opcode, isFinal: payloadCount % 2 == 0, payloadCount: payloadCount, maskingKey: key)
      var buffer = ByteBuffer()
      header.write(into: &buffer)
      let bytes = buffer.withReadable { Array($0) }
      #expect(bytes.count == header.byteCount)
      for count in 0..<bytes.count { #expect(try parse(Array(bytes[..<count])) == nil) }
      let parsed = try #require(try parse(bytes + [1, 2, 3]))
      #expect(parsed.0 == header)
      #expect(parsed.1 == bytes.count)
    }
  }

  @Test func writesTheLengthInItsShortestForm() {
    for (count, byteCount) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
      #expect(WebSocketFrameHeader(.binary, payloadCount: count).byteCount == byteCount)
      let masked = WebSocketFrameHeader(.binary, payloadCount: count, maskingKey: 0)
      #expect(masked.byteCount == byteCount + 4)
    }
  }

  @Test func keepsTheMaskingKeyInMemoryOrder() throws {
    let parsed = try #require(try parse([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D]))
    #expect(parsed.0.isMasked)
    #expect(withUnsafeBytes(of: parsed.0.maskingKey) { Array($0) } == [0x37, 0xFA, 0x21, 0x3D])
  }

  /// The shortest prefix that shows the error is refused, one byte less is not.
  @Test(
    arguments: [
      ([0xC1], WebSocketError.reservedBits), ([0xA1], .reservedBits), ([0x91], .reservedBits),
      ([0x83], .unknownOpcode), ([0x87], .unknownOpcode), ([0x8B], .unknownOpcode),
      ([0x8F], .unknownOpcode), ([0x09], .fragmentedControlFrame),
      ([0x08], .fragmentedControlFrame), ([0x0A], .fragmentedControlFrame),
      ([0x89, 126], .controlFrameTooLong), ([0x88, 127], .controlFrameTooLong),
      ([0x8A, 0xFE], .controlFrameTooLong), ([0x82, 126, 0, 125], .nonMinimalLength),
      ([0x82, 0xFE, 0, 0], .nonMinimalLength), ([0x82, 127, 0x80], .lengthOverflow),
      ([0x82, 127, 0, 0, 0, 0, 0, 0], .nonMinimalLength),
    ] as [([UInt8], WebSocketError)])
  func refusesAWrongHeadAtTheByteThatShowsIt(bytes: [UInt8], error: WebSocketError) throws {
    #expect(try parse(Array(bytes.dropLast())) == nil)
    #expect(throws: error) { try parse(bytes) }
    #expect(throws: error) { try parse(bytes + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]) }
  }

  @Test func takesTheSmallestLengthOfEachForm() throws {
    #expect(try parse([0x82, 126, 0, 126])?.0.payloadCount == 126)
    #expect(try parse([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])?.0.payloadCount == 65536)
    #expect(throws: WebSocketError.nonMinimalLength) {
      try parse([0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
    }
  }
}
