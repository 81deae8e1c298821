import Testing

@testable import XgenServer

@Suite struct UTF8PiecesTests {
  private func text(_ pieces: [[UInt8]]) -> String {
    var decoder = UTF8Pieces()
    let texts = pieces.map { piece in piece.withUnsafeBytes { decoder.take($0) } }
    return texts.joined() + decoder.flush()
  }

  static let samples: [[UInt8]] = [
    Array("aé€😀z".utf8), [0xFF, 0xC3, 0xA9, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
    [0xE0, 0x80, 0x41], [0xED, 0xA0, 0x80, 0x41], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80],
    [0xC3, 0xC3, 0xA9], [0x80, 0x80, 0x80, 0x80, 0xE2, 0x82, 0xAC], [0xF8, 0x88, 0x80, 0x80],
    [0xE2, 0xE2, 0x82, 0xE2, 0x82, 0xAC, 0xF0],
  ]

  @Test(arguments: samples) func isTheSameAtEverySplitAndByteByByte(bytes: [UInt8]) {
    let whole = String(decoding: bytes, as: UTF8.self)
    #expect(text([bytes]) == whole)
    #expect(text(bytes.map { [$0] }) == whole)
    for split in 0...bytes.count {
      #expect(text([Array(bytes[..<split]), Array(bytes[split...])]) == whole)
    }
  }

  @Test func holdsBackNoMoreThanTheUnfinishedCharacter() {
    var decoder = UTF8Pieces()
    let first = Array("ab€".utf8.dropLast()).withUnsafeBytes { decoder.take($0) }
    #expect(first == "ab")
    let second = ([0xAC, 0x63] as [UInt8]).withUnsafeBytes { decoder.take($0) }
    #expect(second == "€c")
    #expect(decoder.flush() == "")
  }

  @Test func randomBytesAreTheSameInAnyPieces() {
    var random = SystemRandomNumberGenerator()
    let alphabet: [UInt8] = [
      0x41, 0x80, 0xBF, 0xC3, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0xFF, 0xED, 0xA0,
    ]
    for _ in 0..<2000 {
      let bytes = (0..<12).map { _ in alphabet.randomElement(using: &random)! }
      let cut = Int.random(in: 0...12, using: &random)
      #expect(
        text([Array(bytes[..<cut]), Array(bytes[cut...])]) == String(decoding: bytes, as: UTF8.self)
      )
    }
  }
}

@Suite struct ServerSentEventTests {
  @Test func isWrittenWithItsNameDataAndId() {
    let data = Array(#"{"a":"b\nc"}"#.utf8)
    let plain = ServerSentEvent("stdout", data: data)
    #expect(
      String(decoding: plain.bytes, as: UTF8.self) == "event: stdout\ndata: {\"a\":\"b\\nc\"}\n\n")
    let marked = ServerSentEvent("x", data: [], id: "7")
    #expect(String(decoding: marked.bytes, as: UTF8.self) == "id: 7\nevent: x\ndata: \n\n")
  }
}
