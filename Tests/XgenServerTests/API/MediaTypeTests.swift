import Reactor
import Testing

@testable import XgenServer

@Suite struct MediaTypeTests {
  @Test(arguments: [
    [], ["Content-Type: application/json"], ["Content-Type: Application/JSON; Charset=UTF-8"],
    ["Content-Type: application/json;charset=\"utf-8\""], ["Content-Type: application/json;v=1"],
    ["Content-Type: application/x-www-form-urlencoded"], ["Content-Type: text/plain;charset=UTF-8"],
    ["Content-Type: application/merge-patch+json"], ["Content-Type:"],
    ["Content-Encoding: identity"], ["Content-Encoding: Identity"],
  ])
  func whatMayBeJSONIsTaken(lines: [String]) throws {
    try MediaType.checkJSON(head(lines))
  }

  @Test(arguments: [
    ["Content-Type: text/xml"], ["Content-Type: multipart/form-data; boundary=x"],
    ["Content-Type: application/octet-stream"], ["Content-Type: application/jsonx"],
    ["Content-Type: application/json; charset=utf-16"], ["Content-Type: +json"],
    ["Content-Type: application/json, text/xml"],
    ["Content-Type: application/json", "Content-Type: application/json"],
    ["Content-Encoding: gzip"], ["Content-Encoding: identity", "Content-Encoding: br"],
    ["Content-Encoding: identity, gzip"],
  ])
  func whatIsClearlyNotIs415(lines: [String]) throws {
    do {
      try MediaType.checkJSON(head(lines))
      Issue.record("\(lines) was taken")
    } catch let error as APIError {
      #expect(error.status == 415 && error.code == "INVALID_REQUEST")
    }
  }

  @Test(arguments: [
    (["text/event-stream"], true), (["Text/Event-Stream;q=0.1"], true),
    (["*/*", "text/event-stream"], true), (["text/event-stream, */*"], true),
    (["application/json;q=0.5, text/event-stream"], true), ([], false), (["*/*"], false),
    (["text/*"], false), (["application/json"], false), (["text/event-stream;q=0"], false),
    (["application/json, text/event-stream"], false), (["text/event-streams"], false),
    (["text/event-stream;q=nonsense"], false), ([",;,=;q"], false),
    (["application/json, text/event-stream;q=0.9"], false),
  ])
  func anEventStreamIsWantedByName(values: [String], isWanted: Bool) {
    #expect(Accept.prefersEventStream(values) == isWanted)
  }

  private func head(_ lines: [String]) throws -> HTTPRequestHead {
    let text = (["POST / HTTP/1.1", "Host: test"] + lines).joined(separator: "\r\n")
    var parser = HTTPRequestParser()
    let parsed = try Array("\(text)\r\n\r\n".utf8).withUnsafeBytes { try parser.parse($0) }
    return try #require(parsed?.head)
  }
}
