import Testing

@testable import XgenProtocol

@Suite struct EnvelopeTests {
  private let head = EnvelopeHead(.execStart, channel: 0x0102_0304, id: 0xa0b0_c0d0)
  private let bytes: [UInt8] = [0x20, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0]

  @Test func headIsNineBytesBigEndian() {
    var appended: [UInt8] = [0xee]
    head.append(to: &appended)
    #expect(appended == [0xee] + bytes)
    #expect(withExactBytes(bytes) { EnvelopeHead.parse($0) } == head)
  }

  @Test func writeTouchesExactlyNineBytes() {
    var buffer = [UInt8](repeating: 0xee, count: 11)
    buffer.withUnsafeMutableBytes { head.write(into: $0) }
    #expect(buffer == bytes + [0xee, 0xee])
  }

  @Test(arguments: 0..<9) func shorterThanAHeadIsNil(count: Int) {
    #expect(withExactBytes(bytes.prefix(count)) { EnvelopeHead.parse($0) } == nil)
    #expect(withExactBytes(bytes.prefix(count)) { EnvelopeHead.payload(of: $0).isEmpty })
  }

  @Test func payloadIsWhatFollowsTheHead() {
    let message = head.message([7, 8])
    #expect(message == bytes + [7, 8])
    #expect(withExactBytes(message) { Array(EnvelopeHead.payload(of: $0)) } == [7, 8])
    #expect(withExactBytes(bytes) { Array(EnvelopeHead.payload(of: $0)) } == [])
  }

  @Test func unknownTypeKeepsItsByte() throws {
    let parsed = try #require(
      withExactBytes([0x99] + bytes.dropFirst()) { EnvelopeHead.parse($0) })
    #expect(parsed.type == 0x99)
    #expect(parsed.messageType == nil)
  }

  @Test func everySampleMessageCarriesItsTypeChannelAndID() {
    let message = PortOpen(port: 80).message(channel: 5, id: 6)
    #expect(
      message
        == EnvelopeHead(.portOpen, channel: 5, id: 6).message([0x81, 0xa4] + "port".utf8 + [80]))
  }
}

@Suite struct MessageTypeTests {
  @Test func codesAreThoseOfTheTable() {
    let codes: [UInt8] = [
      0x01, 0x02, 0x03, 0x04,
      0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29,
      0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x40, 0x41, 0x50, 0x51, 0x52,
    ]
    #expect(MessageType.allCases.map(\.rawValue) == codes)
  }

  @Test func clientSendsOnlyPingsAndRequests() {
    let codes = MessageType.allCases.filter(\.isFromClient).map(\.rawValue)
    #expect(
      codes == [
        0x01, 0x02, 0x20, 0x21, 0x25, 0x26, 0x27, 0x28, 0x29, 0x30, 0x31, 0x32, 0x33, 0x34,
      ])
  }

  @Test func sandboxSendsEventsAndRepliesOfTheRequestsType() {
    let codes = MessageType.allCases.filter(\.isFromSandbox).map(\.rawValue)
    #expect(
      codes == [
        0x01, 0x02, 0x03, 0x04, 0x22, 0x23, 0x24, 0x28, 0x30, 0x32, 0x35, 0x40, 0x41, 0x50,
        0x51, 0x52,
      ])
  }

  @Test func onlyFileContentsMayBeLarge() {
    for type in MessageType.allCases {
      let isFile = type == .fsRead || type == .fsWrite
      #expect(type.maxPayloadBytes == (isFile ? 67_108_864 : 1_048_576))
    }
  }
}
