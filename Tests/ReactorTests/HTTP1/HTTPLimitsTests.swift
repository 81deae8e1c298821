import Testing

@testable import Reactor

@Suite struct HTTPLimitsTests {
  private func outcome(_ text: String, _ limits: HTTPLimits) -> HTTPOutcome {
    let bytes = Array(text.utf8)
    let (outcome, mismatch) = HTTPHarness.everyWay(bytes) {
      HTTPHarness.request(bytes, ends: $0, limits: limits)
    }
    #expect(mismatch == nil)
    return outcome
  }

  @Test func allowsAMethodOf32BytesAndNoMore() {
    let rest = " / HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(outcome(String(repeating: "M", count: 32) + rest, HTTPLimits()).error == nil)
    #expect(
      outcome(String(repeating: "M", count: 33) + rest, HTTPLimits()).error == .methodTooLong)
  }

  @Test func allowsATargetOfTheLimitAndNoMore() {
    let limits = HTTPLimits(maxTargetBytes: 20)
    let rest = " HTTP/1.1\r\nHost: a\r\n\r\n"
    let target = "/" + String(repeating: "t", count: 19)
    #expect(outcome("GET \(target)\(rest)", limits).consumed != nil)
    let refused = outcome("GET \(target)t\(rest)", limits)
    #expect(refused.error == .targetTooLong)
    #expect(refused.decidedAt == 4 + 21)
  }

  @Test func allowsAHeadOfTheLimitAndNoMore() {
    let text = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
    let size = text.utf8.count
    // Once the limit is reached without an end, nothing that follows could help.
    let refused = outcome(text, HTTPLimits(maxHeadBytes: size - 1))
    #expect(refused.error == .headTooLarge)
    #expect(refused.decidedAt == size - 1)
    #expect(outcome(text, HTTPLimits(maxHeadBytes: size)).consumed == size)
  }

  @Test func allowsHeadersUpToTheLimitAndNoMore() {
    let limits = HTTPLimits(maxHeaderCount: 3)
    let text = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n"
    #expect(outcome(text + "\r\n", limits).consumed != nil)
    let refused = outcome(text + "X: 3\r\n\r\n", limits)
    #expect(refused.error == .tooManyFields)
    #expect(refused.decidedAt == text.utf8.count + 1)
  }

  @Test func readsAHeadAsLargeAsOffsetsCanTell() {
    let limits = HTTPLimits(maxTargetBytes: 65_535, maxHeadBytes: 65_535)
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    let value = String(repeating: "v", count: 65_535 - start.utf8.count - 4)
    let bytes = Array("\(start)\(value)\r\n\r\n".utf8)
    #expect(HTTPHarness.request(bytes, ends: [bytes.count], limits: limits).consumed == 65_535)
    let longer = Array("\(start)\(value)v\r\n\r\n".utf8)
    #expect(
      HTTPHarness.request(longer, ends: [longer.count], limits: limits).error == .headTooLarge)
    let target = Array("GET /\(String(repeating: "?", count: 65_530))".utf8)
    #expect(
      HTTPHarness.request(target, ends: [target.count], limits: limits).error == .headTooLarge)
  }

  @Test func looksAtEveryByteOnce() {
    // Drip-fed, a quadratic parser takes minutes for this; a linear one no time.
    let text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 30_000)
    let bytes = Array((text + "\r\n\r\n").utf8)
    var parser = HTTPRequestParser()
    var parsed: [Int] = []
    bytes.withUnsafeBytes { all in
      for end in 1...all.count {
        let part = UnsafeRawBufferPointer(rebasing: all[..<end])
        if let found = try? parser.parse(part) { parsed.append(found.consumed) }
      }
    }
    #expect(parsed == [bytes.count])
  }
}
