import Testing

@testable import XgenServer

/// Events as they go onto a stream (WHATWG HTML §9.2).
@Suite struct EventFrameTests {
  private let id = EventID(epoch: 7, sequence: 3)

  private func text(_ status: SandboxStatus, _ cause: SandboxCause) -> String {
    let change = SandboxChange(
      id: "abc", owner: "ann", status: status, cause: cause, atMs: 1_705_320_000_250)
    return String(decoding: EventFrame.change(id, change), as: UTF8.self)
  }

  @Test func tellsWhatHappenedAndWhy() {
    let origin = CallOrigin(subject: "admin", requestID: "r1")
    let expected =
      "id: 7-3\nevent: sandbox.stopping\n"
      + #"data: {"id":"7-3","type":"sandbox.stopping","sandbox":"abc","owner":"ann","#
      + #""status":"stopping","reason":"deleted","by":"admin","request_id":"r1","#
      + #""at":"2024-01-15T12:00:00.250Z"}"# + "\n\n"
    #expect(text(.stopping, .ended(.deleted, origin)) == expected)
  }

  @Test func aSandboxBeginsAsCreated() {
    let text = text(.starting, .requested(CallOrigin(subject: "ann", requestID: "r")))
    #expect(text.contains("\nevent: sandbox.created\n") && text.contains(#""status":"starting""#))
  }

  @Test(arguments: ["a\nb", "a\r\n\r\nevent: x", "\rdata: x", "\0", "\u{2028}", "\u{85}"])
  func aReasonCantEndItsLine(reason: String) throws {
    let text = text(.error, SandboxCause(reason: reason))
    let lines = text.split(
      omittingEmptySubsequences: false, whereSeparator: { "\n\r\r\n".contains($0) })
    #expect(lines.map { $0.prefix(5) } == ["id: 7", "event", "data:", "", ""])
    let data = try JSONParser.parse(Array(lines[2].dropFirst(6).utf8))
    #expect(data.objectValue?["reason"] == .string(reason))
  }

  @Test func aReasonIsBounded() {
    let reason = String(repeating: "é", count: 10_000)
    #expect(text(.error, SandboxCause(reason: reason)).utf8.count < 2_048)
  }

  @Test func aPositionIsNoEvent() {
    #expect(String(decoding: EventFrame.position(id), as: UTF8.self) == "id: 7-3\n\n")
    #expect(String(decoding: ServerSentEvent.comment, as: UTF8.self) == ":\n\n")
  }

  @Test func aResetMovesTheClientsIDOn() {
    let text = String(decoding: EventFrame.reset(id, reason: "why"), as: UTF8.self)
    #expect(
      text == "id: 7-3\nevent: reset\n"
        + #"data: {"id":"7-3","type":"reset","reason":"why"}"# + "\n\n")
  }
}
