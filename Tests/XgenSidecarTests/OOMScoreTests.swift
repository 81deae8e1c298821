import Glibc
import Testing

@testable import XgenSidecar

/// Who dies first when memory is used up.
@Suite(.serialized) struct OOMScoreTests {
  private func own() throws -> String {
    let file = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var digits = [UInt8](repeating: 0, count: 16)
    let count = read(file, &digits, digits.count)
    return String(decoding: digits.prefix(max(0, count)).filter { $0 > 0x20 }, as: UTF8.self)
  }

  @Test func isRaisedAndLoweredAgain() throws {
    let before = try own()
    let score = OOMScore.ofThisProcess()
    score.raise()
    #expect(try own() == "500")
    score.lower()
    #expect(try own() == before)
  }

  @Test func withoutADescriptorNothingChanges() throws {
    let before = try own()
    OOMScore().raise()
    #expect(try own() == before)
  }
}
