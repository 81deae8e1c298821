import Testing

@testable import Reactor

@Suite struct UTF8ValidatorTests {
  /// The offset of the first byte that is refused, whatever the cutting; nil if none is.
  private func firstInvalid(_ pieces: [[UInt8]]) -> (offset: Int?, isComplete: Bool) {
    var validator = UTF8Validator()
    var passed = 0
    for piece in pieces {
      if let offset = piece.withUnsafeBytes({ validator.firstInvalidOffset(in: $0) }) {
        return (passed + offset, false)
      }
      passed += piece.count
    }
    return (nil, validator.isComplete)
  }

  private func isValid(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// The first offset up to which no continuation makes the bytes right, by trial.
  private func expectedInvalid(_ bytes: [UInt8]) -> Int? {
    let endings: [[UInt8]] =
      [[]] + [0x80, 0x90, 0xA0].flatMap { [[$0], [$0, 0x80], [$0, 0x80, 0x80]] }
    return bytes.indices.first { end in
      !endings.contains { isValid(bytes[...end] + $0) }
    }
  }

  @Test func agreesWithTheStandardLibraryOnAllKindsOfSequences() {
    let seconds: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    for lead in UInt8(0x7F)...0xFF {
      for second in seconds {
        for rest in [[0x7F, 0x80], [0x80, 0x80], [0xBF, 0xBF], [0x80, 0xC0], [0x41, 0x41]] {
          let bytes = [lead, second] + rest.map { UInt8($0) }
          let found = firstInvalid([bytes])
          #expect(found.offset == expectedInvalid(bytes), "\(bytes)")
          #expect((found.offset == nil && found.isComplete) == isValid(bytes), "\(bytes)")
        }
      }
    }
  }

  @Test(arguments: [
    "", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "한글 입출력 ퟿힣", "ok 😀 done", "\u{7F}\u{80}\u{7FF}\u{800}",
    "\u{D7FF}\u{E000}\u{FFFD}\u{FFFF}\u{10000}\u{10FFFF}", "┌────┐│ → ✓",
    String(repeating: "a", count: 31) + "é" + String(repeating: "b", count: 100) + "가",
  ])
  func acceptsValidTextHoweverItIsCut(text: String) {
    for pieces in cuttings(of: utf8(text)) {
      let found = firstInvalid(pieces)
      #expect(found.offset == nil)
      #expect(found.isComplete)
    }
  }

  /// Autobahn 6.3, 6.4 and 6.6–6.20, and the sequences of RFC 3629 §10: where it fails.
  @Test(
    arguments: [
      ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xF4, 0x90, 0x80, 0x80, 0x65], 6),
      ([0xCE, 0xBA, 0xED, 0xA0, 0x80], 3), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0),
      ([0xE0, 0x80, 0x80], 1), ([0xE0, 0x9F, 0xBF], 1), ([0xF0, 0x80, 0x80, 0x80], 1),
      ([0xF0, 0x8F, 0xBF, 0xBF], 1), ([0xF8, 0x88, 0x80, 0x80, 0x80], 0), ([0xFC], 0),
      ([0x80], 0), ([0xBF], 0), ([0xFE], 0), ([0xFF], 0), ([0xED, 0xAF, 0xBF], 1),
      ([0xF4, 0x90], 1), ([0xF5], 0), ([0x41, 0xC3, 0x41], 2), ([0xE1, 0x80, 0x41], 2),
      ([0xF1, 0x80, 0x80, 0xC0], 3), ([0xE2, 0x82, 0xAC, 0xAC], 3),
    ] as [([UInt8], Int)])
  func failsAtTheFirstByteThatCannotBeRight(bytes: [UInt8], offset: Int) {
    #expect(expectedInvalid(bytes) == offset)
    for padding in [0, 5, 32, 47] {
      let text = [UInt8](repeating: 0x61, count: padding) + bytes
      for pieces in cuttings(of: text) {
        #expect(firstInvalid(pieces).offset == padding + offset)
      }
    }
  }

  @Test func isIncompleteInsideOfASequence() {
    for text in ["é", "한", "😀"] {
      let bytes = utf8(text)
      for count in 1..<bytes.count {
        let found = firstInvalid([Array(bytes[..<count])])
        #expect(found.offset == nil)
        #expect(!found.isComplete)
      }
    }
  }
}
