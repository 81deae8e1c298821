import Testing

@testable import Reactor

/// Close frames (RFC 6455 §5.5.1, §7.4; Autobahn 7).
@Suite struct WebSocketCloseTests {
  private func decode(_ payload: [UInt8]) -> WebSocketTranscript {
    let bytes = rawFrame(8, payload, key: [1, 2, 3, 4])
    let whole = WebSocketTranscript(role: .server, [bytes])
    for pieces in cuttings(of: bytes) {
      #expect(WebSocketTranscript(role: .server, pieces) == whole)
    }
    return whole
  }

  private func code(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  @Test func takesACloseWithoutACode() {
    #expect(decode([]).items == [.close(nil, "")])
  }

  @Test func rejectsHalfACode() {
    #expect(decode([0x03]).error == .truncatedCloseCode)
  }

  @Test(arguments: [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ])
  func takesCodesThatMayStandInAFrame(value: Int) {
    #expect(decode(code(value)).items == [.close(UInt16(value), "")])
  }

  @Test(arguments: [
    0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
  ])
  func rejectsCodesThatMayNot(value: Int) {
    #expect(decode(code(value)).error == .invalidCloseCode)
  }

  @Test func takesReasonsUpTo123Bytes() {
    let reason = String(repeating: "가", count: 41)
    #expect(decode(code(1000) + utf8(reason)).items == [.close(1000, reason)])
  }

  @Test func rejectsReasonsThatAreNotUTF8() {
    #expect(decode(code(1000) + [0xCE, 0xBA, 0xF4, 0x90, 0x80, 0x80]).error == .invalidUTF8)
    #expect(decode(code(1000) + [0xCE]).error == .invalidUTF8)
  }

  @Test func cutsALongReasonBetweenCharacters() {
    for (text, kept) in [("가", 41), ("é", 61), ("a", 123), ("😀", 30)] {
      var buffer = ByteBuffer()
      WebSocketEncoder.appendClose(
        .goingAway, reason: String(repeating: text, count: 200), to: &buffer)
      let bytes = buffer.withReadable { Array($0) }
      let found = WebSocketTranscript([bytes])
      #expect(found.items == [.close(1001, String(repeating: text, count: kept))])
    }
  }

  @Test func answersEveryErrorWithACloseThatMayBeSent() {
    for error in WebSocketError.allCases {
      var buffer = ByteBuffer()
      WebSocketEncoder.appendClose(error, maskingKey: 7, to: &buffer)
      let bytes = buffer.withReadable { Array($0) }
      let found = WebSocketTranscript(role: .server, [bytes])
      #expect(found.items == [.close(error.closeCode.rawValue, "\(error.reason)")])
    }
  }
}
