import Testing

@testable import XgenServer

/// Lines from the end of a file to its start.
@Suite struct ReverseLinesTests {
  /// All lines of `file` that end at `end` or before.
  private func lines(_ file: [UInt8], end: Int? = nil) -> [ReverseLines.Line] {
    var reader = ReverseLines(end: end ?? file.count)
    var lines: [ReverseLines.Line] = []
    while true {
      switch reader.next() {
      case .line(let line): lines.append(line)
      case .read(let range): reader.add(Array(file[range]))
      case .end: return lines
      }
    }
  }

  private func texts(_ text: String) -> [String] {
    lines(Array(text.utf8)).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test func comesFromTheEnd() {
    #expect(texts("") == [])
    #expect(texts("a\n") == ["a"])
    #expect(texts("a\nbc\n") == ["bc", "a"])
    #expect(texts("a\ntorn") == ["torn", "a"])
    #expect(texts("\n\na\n\n") == ["", "a", "", ""])
  }

  @Test func tellsWhereEachLineBegins() {
    #expect(lines(Array("ab\nc\ndef\n".utf8)).map(\.start) == [5, 3, 0])
  }

  @Test func goesOnFromWhereALineBegan() {
    let file = Array("one\ntwo\nthree\n".utf8)
    let all = lines(file)
    for (index, line) in all.enumerated() {
      #expect(lines(file, end: line.start) == Array(all[(index + 1)...]))
    }
  }

  /// Line lengths that put newlines at, before and behind every border of a piece.
  @Test(arguments: [
    1, 2, 63, 64, 1023, 4095, 4096, 16_383, 16_384, AuditLimits.maxLineBytes,
  ])
  func readsPieceByPiece(length: Int) {
    let line = [UInt8](repeating: 0x78, count: length)
    let count = 3 * AuditLimits.readBytes / (length + 1) + 2
    var file: [UInt8] = []
    for _ in 0..<count { file += line + [0x0A] }
    let found = lines(file)
    #expect(found.count == count && found.allSatisfy { $0.bytes == line })
    #expect(found.map(\.start) == (0..<count).reversed().map { $0 * (length + 1) })
  }

  /// Its newline is read with it, the one before it is not.
  @Test func theLongestLineMayBeginWhereAPieceDoes() {
    let line = [UInt8](repeating: 0x78, count: AuditLimits.maxLineBytes)
    let rest = [UInt8](repeating: 0x0A, count: AuditLimits.readBytes - line.count - 1)
    let found = lines([0x61, 0x0A] + line + [0x0A] + rest)
    #expect(found.count == rest.count + 2 && found.suffix(2).map(\.bytes) == [line, [0x61]])
  }

  @Test(arguments: [
    AuditLimits.maxLineBytes + 1, AuditLimits.readBytes - 3, AuditLimits.readBytes - 2,
    AuditLimits.readBytes - 1, AuditLimits.readBytes, AuditLimits.readBytes + 1,
    3 * AuditLimits.readBytes,
  ])
  func leavesOutALineThatIsTooLong(length: Int) {
    let long = [UInt8](repeating: 0x78, count: length)
    let file = Array("a\nb\n".utf8) + long + Array("\nc\n".utf8)
    #expect(lines(file).map(\.bytes) == [[0x63], [0x62], [0x61]])
    #expect(lines(long + Array("\nc".utf8)).map(\.bytes) == [[0x63]])
    #expect(lines(Array("a\n".utf8) + long).map(\.bytes) == [[0x61]])
  }
}
