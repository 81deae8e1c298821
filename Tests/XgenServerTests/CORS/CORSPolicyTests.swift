import Reactor
import Testing

@testable import XgenServer

@Suite struct CORSPolicyTests {
  private let one = CORSPolicy(origins: .some(["https://app.example", "http://localhost:3000"]))
  private let any = CORSPolicy(origins: .any)
  private let off = CORSPolicy(origins: .none)

  private func names(_ policy: CORSPolicy, _ lines: String...) throws -> [String: String] {
    let fields = policy.fields(for: try head("GET", lines))
    return Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0.value) })
  }

  private func preflight(_ policy: CORSPolicy, _ method: String, _ lines: String...) throws
    -> [String: String]?
  {
    let fields = policy.preflight(try head(method, lines), methods: "GET, OPTIONS")
    return fields.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.name, $0.value) }) }
  }

  private func head(_ method: String, _ lines: [String]) throws -> HTTPRequestHead {
    let text = (["\(method) / HTTP/1.1", "Host: test"] + lines).joined(separator: "\r\n")
    var parser = HTTPRequestParser()
    let parsed = try Array("\(text)\r\n\r\n".utf8).withUnsafeBytes { try parser.parse($0) }
    return try #require(parsed?.head)
  }

  @Test func anAllowedOriginMayReadTheAnswerAndItsHeaders() throws {
    let fields = try names(one, "Origin: https://app.example")
    #expect(fields["Access-Control-Allow-Origin"] == "https://app.example")
    #expect(fields["Vary"] == "Origin")
    let exposed = try #require(fields["Access-Control-Expose-Headers"])
    for name in ["X-Request-Id", "Retry-After", "RateLimit-Remaining", "Link", "ETag"] {
      #expect(exposed.contains(name))
    }
    #expect(fields["Access-Control-Allow-Credentials"] == nil)
    #expect(try names(any, "Origin: null")["Access-Control-Allow-Origin"] == "*")
  }

  @Test(arguments: [
    "https://app.example.evil", "https://evil.app.example", "http://app.example", "null",
    "https://app.example:8443", "HTTPS://APP.EXAMPLE", "https://app.example/", "*", "",
  ])
  func anotherOriginIsToldNothing(origin: String) throws {
    #expect(try names(one, "Origin: \(origin)") == ["Vary": "Origin"])
    #expect(
      try preflight(one, "OPTIONS", "Origin: \(origin)", "Access-Control-Request-Method: GET")
        == nil)
  }

  @Test func twoOriginsAreNone() throws {
    #expect(
      try names(one, "Origin: https://app.example", "Origin: https://app.example")
        == ["Vary": "Origin"])
  }

  @Test func offMeansNoHeaderAtAll() throws {
    #expect(try names(off, "Origin: https://app.example").isEmpty)
    #expect(try preflight(off, "OPTIONS", "Origin: x", "Access-Control-Request-Method: GET") == nil)
  }

  @Test func aPreflightIsToldWhatItMaySend() throws {
    let fields = try #require(
      try preflight(
        one, "OPTIONS", "Origin: http://localhost:3000", "Access-Control-Request-Method: DELETE"))
    #expect(fields["Access-Control-Allow-Methods"] == "GET, OPTIONS")
    let allowed = try #require(fields["Access-Control-Allow-Headers"])
    for name in [
      "Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "Last-Event-ID",
      "Range", "If-None-Match", "If-Match",
    ] { #expect(allowed.split(separator: ", ").contains { $0 == name }) }
    #expect(fields["Access-Control-Max-Age"] == "7200")
    #expect(fields["Access-Control-Allow-Credentials"] == nil)
  }

  @Test func anOrdinaryOptionsOrAnotherMethodIsNoPreflight() throws {
    #expect(try preflight(one, "OPTIONS", "Origin: https://app.example") == nil)
    #expect(try preflight(one, "OPTIONS", "Access-Control-Request-Method: GET") == nil)
    #expect(
      try preflight(
        one, "GET", "Origin: https://app.example", "Access-Control-Request-Method: GET") == nil)
  }

  @Test(arguments: [
    "https://app.example", "http://localhost:3000", "http://[::1]:8080", "tauri://localhost",
    "chrome-extension://abcdef", "https://a.example,https://b.example",
  ])
  func theSettingTakesOriginsAsBrowsersWriteThem(text: String) throws {
    let origins = try CORSPolicy.Origins("x", text)
    #expect(origins == .some(text.split(separator: ",").map(String.init)))
  }

  @Test(arguments: [
    "", "https://", "app.example", "https://app.example/", "https://App.example",
    "HTTPS://app.example", "https://app.example:443", "http://app.example:80", "null",
    "https://a.example, https://b.example", "https://a.example,*", "https://app.example:",
    "https://*.example", "https://user@app.example", "https://app.example?x", "://x",
    "https://a.example,",
  ])
  func theSettingRefusesWhatWouldNeverMatch(text: String) {
    #expect(throws: SettingError.self) { try CORSPolicy.Origins("x", text) }
  }

  @Test func theSettingTakesAStar() throws {
    #expect(try CORSPolicy.Origins("x", "*") == .any)
  }
}
