import Testing

@testable import XgenServer

@Suite struct AuditCursorTests {
  private let identity = AuditFileIdentity(start: Array("{\"time\":1}\nmore".utf8))

  @Test(arguments: [0, 1, 255, 1 << 40, Int.max])
  func readsBackWhatItGaveOut(offset: Int) {
    let cursor = AuditCursor(file: identity, offset: offset)
    #expect(AuditCursor(cursor.text) == cursor)
    #expect(cursor.text.utf8.allSatisfy { $0 != UInt8(ascii: "&") && $0 > 0x20 && $0 < 0x7F })
  }

  @Test(arguments: ["", "0", "null", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA", "é", "=", " "])
  func refusesWhatItNeverGaveOut(text: String) { #expect(AuditCursor(text) == nil) }

  @Test func anOffsetBeyondWhatAFileCanHaveIsBehindEveryFile() {
    let bytes = identity.digest + [UInt8](repeating: 0xFF, count: 8)
    #expect(AuditCursor(Base64URL.encode(bytes))?.offset == .max)
  }

  @Test func aFileGoesByItsFirstLine() {
    #expect(AuditFileIdentity(start: Array("{\"time\":1}\n".utf8)) == identity)
    #expect(AuditFileIdentity(start: Array("{\"time\":2}\nmore".utf8)) != identity)
    let long = [UInt8](repeating: 0x78, count: 2 * AuditLimits.identityBytes)
    #expect(
      AuditFileIdentity(start: long)
        == AuditFileIdentity(start: Array(long.prefix(AuditLimits.identityBytes))))
  }
}
