import Testing

@testable import Reactor

/// UTF-8 in text messages (RFC 6455 §8.1; Autobahn 6).
@Suite struct WebSocketTextTests {
  /// The bytes that a decoder takes of the stream, one at a time, before it refuses one.
  private func acceptedCount(_ bytes: [UInt8]) -> Int? {
    (1...bytes.count).first { count in
      WebSocketTranscript(bytes[..<count].map { [$0] }).error == .invalidUTF8
    }.map { $0 - 1 }
  }

  @Test func takesCharactersThatFragmentsCut() {
    let text = utf8("Hello-µ@ßöäüàá-한글-😀")
    for cut in 0...text.count {
      let bytes =
        rawFrame(1, Array(text[..<cut]), fin: false) + rawFrame(9)
        + rawFrame(0, Array(text[cut...]))
      for pieces in [[bytes], bytes.map { [$0] }] {
        let found = WebSocketTranscript(pieces)
        #expect(found == WebSocketTranscript(items: [.ping([]), .message(.text, text)]))
      }
    }
    let single = text.dropLast().map { rawFrame(0, [$0], fin: false) }.joined()
    let bytes = rawFrame(1, [], fin: false) + single + rawFrame(0, [text.last!])
    #expect(WebSocketTranscript([bytes]).items == [.message(.text, text)])
  }

  @Test func failsAtTheFirstWrongByteOfAnUnfinishedMessage() {
    // Autobahn 6.4: U+110000 in the middle of a message that has not ended.
    let start = utf8("κόσμε")
    let text = start + [0xF4, 0x90, 0x80, 0x80] + utf8("edited")
    #expect(acceptedCount(rawFrame(1, text, fin: false)) == 2 + start.count + 1)
    // The wrong byte is the second fragment's first.
    let lead = rawFrame(1, start + [0xF4], fin: false)
    #expect(acceptedCount(lead + rawFrame(0, [0x90, 0x80, 0x80])) == lead.count + 2)
  }

  @Test func rejectsTextThatEndsInsideACharacter() {
    for text in ["é", "한", "😀"] {
      let cut = Array(utf8("ok " + text).dropLast())
      for pieces in cuttings(of: rawFrame(1, cut)) {
        #expect(WebSocketTranscript(pieces).error == .invalidUTF8)
      }
      let bytes = rawFrame(1, cut, fin: false) + rawFrame(0)
      #expect(WebSocketTranscript([bytes]).error == .invalidUTF8)
      #expect(WebSocketTranscript([rawFrame(1, cut, fin: false)]).error == nil)
    }
  }

  @Test func beginsEachTextAfresh() {
    let bytes = rawFrame(1, utf8("한")) + rawFrame(2, [0xED]) + rawFrame(1, utf8("글"))
    let items: [WebSocketTranscript.Item] = [
      .message(.text, utf8("한")), .message(.binary, [0xED]), .message(.text, utf8("글")),
    ]
    for pieces in cuttings(of: bytes) {
      #expect(WebSocketTranscript(pieces) == WebSocketTranscript(items: items))
    }
  }

  @Test func takesAnyBytesInBinaryMessages() {
    let bytes: [UInt8] = [0xFF, 0xFE, 0xC0, 0x80, 0xF5]
    let stream = rawFrame(2, bytes, fin: false) + rawFrame(0, bytes)
    #expect(WebSocketTranscript([stream]).items == [.message(.binary, bytes + bytes)])
  }

  @Test func saysThatInvalidTextIsAnInvalidPayload() {
    #expect(WebSocketError.invalidUTF8.closeCode == .invalidPayload)
  }
}
