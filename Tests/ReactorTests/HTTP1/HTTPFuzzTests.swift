import TestSupport
import Testing

@testable import Reactor

/// Seeded mutations of valid messages: nothing traps, and how the bytes arrive changes nothing.
@Suite struct HTTPFuzzTests {
  static let iterations = 50_000

  /// Bytes that mean something to a parser are likelier than others.
  static let interesting = Array("\r\n\t :;,%/?#[]@\\0fHTT1.\u{0}\u{7f}".utf8) + [0x80, 0xFF]

  private func mutated(_ seed: String, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = Array(seed.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      let byte = Self.interesting.randomElement(using: &random)!
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[index] = byte
      case 1: bytes.insert(byte, at: index)
      case 2 where bytes.count > 1: bytes.remove(at: index)
      case 3: bytes[index] = UInt8.random(in: 0...255, using: &random)
      default:
        let end = min(bytes.count, index + Int.random(in: 1...12, using: &random))
        bytes.insert(contentsOf: bytes[index..<end], at: index)
      }
    }
    return bytes
  }

  /// Whole, in random pieces and, for some, byte by byte.
  private func ways(_ count: Int, _ iteration: Int, _ random: inout SplitMix64) -> [[Int]] {
    var ends: [Int] = []
    var end = 0
    while end < count {
      end = min(count, end + Int.random(in: 1...40, using: &random))
      ends.append(end)
    }
    return iteration % 16 == 0 ? [ends, Array(0...count)] : [ends]
  }

  @Test func requestsParseAlikeHoweverTheyArrive() {
    var random = SplitMix64(seed: 0x5EED_0001)
    var accepted = 0
    for iteration in 0..<Self.iterations {
      let seed = HTTPRequestParserTests.accepted.randomElement(using: &random)!
      let bytes = mutated(seed, &random)
      let whole = HTTPHarness.request(bytes, ends: [bytes.count])
      if whole.consumed != nil { accepted += 1 }
      for ends in ways(bytes.count, iteration, &random) {
        let other = HTTPHarness.request(bytes, ends: ends)
        if other != whole { Issue.record("\(bytes) at \(ends): \(whole) != \(other)") }
      }
    }
    // The mutations are neither all fatal nor all harmless.
    #expect(accepted > Self.iterations / 50 && accepted < Self.iterations * 9 / 10)
  }

  @Test func responsesParseAlikeHoweverTheyArrive() {
    var random = SplitMix64(seed: 0x5EED_0002)
    for iteration in 0..<Self.iterations {
      let seed = HTTPResponseParserTests.accepted.randomElement(using: &random)!
      let bytes = mutated(seed, &random)
      let whole = HTTPHarness.response(bytes, ends: [bytes.count])
      for ends in ways(bytes.count, iteration, &random) {
        let other = HTTPHarness.response(bytes, ends: ends)
        if other != whole { Issue.record("\(bytes) at \(ends): \(whole) != \(other)") }
      }
    }
  }

  @Test func chunksDecodeAlikeHoweverTheyArrive() {
    var random = SplitMix64(seed: 0x5EED_0003)
    for iteration in 0..<Self.iterations {
      let seed = ChunkedDecoderTests.accepted.randomElement(using: &random)!.0
      let bytes = mutated(seed, &random)
      let whole = ChunkedDecoderTests.decode(bytes, ends: [bytes.count])
      for ends in ways(bytes.count, iteration, &random) {
        let other = ChunkedDecoderTests.decode(bytes, ends: ends)
        // A piece may end in the data before an error: the data up to there is the same.
        if other != whole { Issue.record("\(bytes) at \(ends): \(whole) != \(other)") }
      }
    }
  }

  @Test func targetsNeverTrap() {
    var random = SplitMix64(seed: 0x5EED_0004)
    var decoded = 0
    for _ in 0..<Self.iterations {
      let path = String(decoding: mutated("/a/%2e%2E/../b%20c/.", &random), as: UTF8.self)
      let query = String(decoding: mutated("a=1&b=x+y%2B&c&=d", &random), as: UTF8.self)
      if (try? HTTPTarget(path: path, query: query)) != nil { decoded += 1 }
      _ = HTTPHost(String(decoding: mutated("[::ffff:1.2.3.4]:80", &random), as: UTF8.self))
    }
    #expect(decoded > 0)
  }

  /// No accepted head holds a line end or a NUL in any part of it.
  @Test func acceptedPartsHoldNoControls() throws {
    var random = SplitMix64(seed: 0x5EED_0005)
    for _ in 0..<Self.iterations {
      let bytes = mutated(HTTPRequestParserTests.accepted.randomElement(using: &random)!, &random)
      var parser = HTTPRequestParser()
      let parsed = bytes.withUnsafeBytes { bytes in (try? parser.parse(bytes)) ?? nil }
      guard let head = parsed?.head else { continue }
      var isClean = HTTPField.isName(head.method.name)
      for (name, value) in head.headers where !HTTPField.isName(name) || !HTTPField.isValue(value) {
        isClean = false
      }
      if !isClean { Issue.record("\(bytes)") }
    }
  }
}
