import Testing

@testable import XgenServer

/// Lines of the audit log: written, read back, and refused.
@Suite struct AuditRecordTests {
  static let record = AuditRecord(
    timeMs: 1_705_320_000_250, requestID: "r1", subject: "ci", role: .user, action: .sandboxExec,
    sandbox: "abc", status: 200, peer: "127.0.0.1", durationMs: 12)

  @Test func isWrittenAsDocumented() {
    let expected =
      #"{"time":"2024-01-15T12:00:00.250Z","request_id":"r1","subject":"ci","role":"user","#
      + #""action":"sandbox.exec","sandbox":"abc","status":200,"peer":"127.0.0.1","#
      + #""duration_ms":12}"# + "\n"
    #expect(String(decoding: Self.record.line, as: UTF8.self) == expected)
  }

  @Test func whatIsNotKnownIsNull() {
    let record = AuditRecord(
      timeMs: 0, requestID: "r", subject: nil, role: nil, action: .tokenIssue, sandbox: nil,
      status: 401, peer: nil)
    let expected =
      #"{"time":"1970-01-01T00:00:00.000Z","request_id":"r","subject":null,"role":null,"#
      + #""action":"token.issue","sandbox":null,"status":401,"peer":null}"# + "\n"
    #expect(String(decoding: record.line, as: UTF8.self) == expected)
    #expect(AuditRecord(line: record.line.dropLast()) == record)
  }

  @Test(arguments: AuditAction.allCases)
  func readsBackWhatItWrote(action: AuditAction) {
    var record = Self.record
    record.action = action
    record.bytes = UInt64(Int64.max)
    #expect(AuditRecord(line: record.line.dropLast()) == record)
  }

  @Test(arguments: ["a\nb", "\"},{", "\u{2028}", "\0", "\u{1B}[2J", "é 漢 🦊"])
  func hostileNamesStayInsideTheirLine(name: String) {
    let record = AuditRecord(
      timeMs: 5, requestID: name, subject: name, role: .admin, action: .sandboxDelete,
      sandbox: name, status: 404, peer: name)
    #expect(record.line.filter { $0 == 0x0A }.count == 1)
    #expect(AuditRecord(line: record.line.dropLast()) == record)
  }

  @Test func aTornLineIsNoRecord() {
    let line = Self.record.line.dropLast()
    for count in 0..<line.count { #expect(AuditRecord(line: Array(line.prefix(count))) == nil) }
  }

  @Test(arguments: [
    ("12", "\"x\""), ("\"user\"", "\"root\""), ("\"sandbox.exec\"", "\"exec\""),
    ("\"sandbox.exec\"", "7"), ("200", "\"200\""), ("200", "2e400"), ("12", "-1"),
    ("2024-01-15T12:00:00.250Z", "yesterday"), ("\"r1\"", "null"), ("\"abc\"", "[\"abc\"]"),
    ("{", "[{"), ("}", "},"),
  ])
  func anotherShapeIsNoRecord(part: String, instead: String) {
    let text = String(decoding: Self.record.line.dropLast(), as: UTF8.self)
    let changed = text.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
      .joined(separator: instead)
    #expect(changed != text)
    #expect(AuditRecord(line: Array(changed.utf8)) == nil)
  }

  @Test func membersOfALaterVersionAreSkipped() {
    let text = String(decoding: Self.record.line.dropLast(2), as: UTF8.self) + #","new":[1]}"#
    #expect(AuditRecord(line: Array(text.utf8)) == Self.record)
  }
}
