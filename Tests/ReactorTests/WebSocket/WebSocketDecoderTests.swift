import Testing

@testable import Reactor

@Suite struct WebSocketDecoderTests {
  private typealias Item = WebSocketTranscript.Item
  private let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

  /// The stream gives this transcript whole, byte by byte and at every split, and the scanner
  /// agrees with what the decoder says of the heads.
  private func expect(
    _ bytes: [UInt8], _ items: [Item], _ error: WebSocketError? = nil,
    role: WebSocketRole = .client, maxMessageBytes: Int = 1000,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let expected = WebSocketTranscript(items: items, error: error)
    let scanned = WebSocketScanTranscript(role: role, maxMessageBytes: maxMessageBytes, [bytes])
    for pieces in cuttings(of: bytes) {
      let found = WebSocketTranscript(role: role, maxMessageBytes: maxMessageBytes, pieces)
      #expect(found == expected, sourceLocation: sourceLocation)
      let again = WebSocketScanTranscript(role: role, maxMessageBytes: maxMessageBytes, pieces)
      #expect(again == scanned, sourceLocation: sourceLocation)
    }
    let isOfPayload = [.invalidUTF8, .truncatedCloseCode, .invalidCloseCode].contains(error)
    #expect(scanned.failure == (isOfPayload ? nil : error), sourceLocation: sourceLocation)
  }

  // MARK: RFC 6455 §5.7

  @Test func decodesAnUnmaskedText() {
    expect([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], [.message(.text, utf8("Hello"))])
  }

  @Test func decodesAMaskedText() {
    expect(
      [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
      [.message(.text, utf8("Hello"))], role: .server)
  }

  @Test func decodesAFragmentedText() {
    expect(
      [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], [.message(.text, utf8("Hello"))])
  }

  @Test func decodesAPingAndItsMaskedPong() {
    expect([0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], [.ping(utf8("Hello"))])
    expect(
      [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
      [.pong(utf8("Hello"))], role: .server)
  }

  @Test func decodesLongBinaryMessages() {
    let medium = (0..<256).map { UInt8($0) }
    expect([0x82, 0x7E, 0x01, 0x00] + medium, [.message(.binary, medium)])
    let long = [UInt8](repeating: 7, count: 65536)
    let bytes: [UInt8] = [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + long
    for pieces in [[bytes], bytes.map { [$0] }] {
      #expect(WebSocketTranscript(pieces).items == [.message(.binary, long)])
    }
  }

  // MARK: Fragmentation (Autobahn 5)

  @Test func deliversControlFramesThatStandBetweenFragments() {
    let bytes =
      rawFrame(1, utf8("frag"), fin: false, key: key) + rawFrame(9, utf8("p1"), key: key)
      + rawFrame(0, [], fin: false, key: key) + rawFrame(10, [], key: key)
      + rawFrame(0, utf8("ment"), key: key) + rawFrame(2, [1], key: key)
    expect(
      bytes,
      [.ping(utf8("p1")), .pong([]), .message(.text, utf8("fragment")), .message(.binary, [1])],
      role: .server)
  }

  @Test func deliversEmptyMessages() {
    expect(rawFrame(1) + rawFrame(2), [.message(.text, []), .message(.binary, [])])
    let empties = rawFrame(1, fin: false) + rawFrame(0, fin: false) + rawFrame(0)
    expect(empties, [.message(.text, [])])
    expect(rawFrame(1, utf8("x"), fin: false) + rawFrame(0), [.message(.text, utf8("x"))])
  }

  @Test func rejectsContinuationsWithoutAMessage() {
    expect(rawFrame(0, [1]), [], .continuationWithoutStart)
    expect(rawFrame(0, [1], fin: false), [], .continuationWithoutStart)
    expect(
      rawFrame(1, [65]) + rawFrame(0, [66]), [.message(.text, [65])], .continuationWithoutStart)
  }

  @Test func rejectsANewMessageInsideAMessage() {
    for opcode: UInt8 in [1, 2] {
      expect(
        rawFrame(1, [65], fin: false) + rawFrame(9) + rawFrame(opcode, [66]), [.ping([])],
        .dataFrameInsideMessage)
    }
  }

  @Test func rejectsFragmentedControlFrames() {
    for opcode: UInt8 in 8...10 {
      expect(rawFrame(opcode, [], fin: false), [], .fragmentedControlFrame)
    }
  }

  // MARK: Heads (Autobahn 2, 3, 4)

  @Test func rejectsReservedBits() {
    for reserved: UInt8 in [0x10, 0x20, 0x40, 0x70] {
      for opcode: UInt8 in [1, 2, 8, 9] {
        expect(
          rawFrame(1, [65]) + rawFrame(opcode, [], reserved: reserved), [.message(.text, [65])],
          .reservedBits)
      }
    }
  }

  @Test func rejectsUnknownOpcodes() {
    for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
      expect(rawFrame(9, [1]) + rawFrame(opcode), [.ping([1])], .unknownOpcode)
    }
  }

  @Test func takesControlPayloadsUpTo125Bytes() {
    let most = [UInt8](repeating: 0xFE, count: 125)
    expect(rawFrame(9, most, key: key), [.ping(most)], role: .server)
    expect(rawFrame(9, most + [1], lengthBytes: 2), [], .controlFrameTooLong)
  }

  @Test func rejectsTheWrongMasking() {
    expect(rawFrame(2, [1]), [], .unmaskedFrame, role: .server)
    expect(rawFrame(9), [], .unmaskedFrame, role: .server)
    expect(rawFrame(2, [1], key: key), [], .maskedFrame, role: .client)
  }

  @Test func rejectsLengthsThatAreNotMinimal() {
    expect(rawFrame(2, [1], lengthBytes: 2), [], .nonMinimalLength)
    expect(rawFrame(2, [1], lengthBytes: 8), [], .nonMinimalLength)
    expect([0x82, 127] + [UInt8](repeating: 0xFF, count: 8), [], .lengthOverflow)
  }

  // MARK: Limits

  @Test func takesAMessageOfTheGreatestSizeAndNoLarger() {
    let most = [UInt8](repeating: 1, count: 10)
    expect(rawFrame(2, most), [.message(.binary, most)], maxMessageBytes: 10)
    expect(rawFrame(2, most + [1]), [], .messageTooBig, maxMessageBytes: 10)
    let parts = rawFrame(2, Array(most[..<4]), fin: false) + rawFrame(0, Array(most[4...]))
    expect(parts + parts, [.message(.binary, most), .message(.binary, most)], maxMessageBytes: 10)
    let over = rawFrame(2, most, fin: false) + rawFrame(0, [], fin: false) + rawFrame(0, [1])
    expect(over, [], .messageTooBig, maxMessageBytes: 10)
  }

  @Test func refusesAMessageThatIsTooBigAtItsHead() {
    let head: [UInt8] = [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    expect(head, [], .messageTooBig)
    expect(rawFrame(2, [1], fin: false) + [0x80] + head[1...], [], .messageTooBig)
  }

  @Test func boundsTheEmptyFramesOfAMessage() {
    let most = WebSocketFrameSequence.maxEmptyFramesPerMessage
    let flood = rawFrame(1, fin: false) + (1..<most).flatMap { _ in rawFrame(0, fin: false) }
    let twice = flood + rawFrame(0, [65]) + flood + rawFrame(0, [66])
    #expect(
      WebSocketTranscript([twice]).items == [.message(.text, [65]), .message(.text, [66])])
    let over = flood + rawFrame(0, fin: false)
    #expect(WebSocketTranscript([over]).error == .tooManyEmptyFrames)
    #expect(WebSocketScanTranscript([over]).failure == .tooManyEmptyFrames)
    #expect(WebSocketError.tooManyEmptyFrames.closeCode == .policyViolation)
  }

  // MARK: The end

  @Test func dropsWhateverFollowsAClose() {
    let close = rawFrame(8, [0x03, 0xE8] + utf8("bye"))
    expect(close + rawFrame(1, [65]) + [0xFF, 0xFF], [.close(1000, "bye")])
    let scanned = WebSocketScanTranscript([close + rawFrame(1, [65])])
    #expect(scanned.forwarded == close)
    #expect(scanned.sawClose)
  }

  @Test func dropsWhateverFollowsAnError() {
    var decoder = WebSocketDecoder(role: .client, maxMessageBytes: 10)
    var bytes: [UInt8] = [0xFF, 0x81, 0x01, 0x41]
    var errors: [WebSocketError] = []
    bytes.withUnsafeMutableBytes { input in
      for _ in 0..<2 {
        var offset = 0
        do throws(WebSocketError) {
          let isNothing = try decoder.next(input, from: &offset) == nil
          #expect(isNothing && offset == input.count)
        } catch {
          errors.append(error)
        }
      }
    }
    let isEnded = decoder.isEnded
    #expect(isEnded)
    #expect(errors == [.reservedBits])
  }
}
