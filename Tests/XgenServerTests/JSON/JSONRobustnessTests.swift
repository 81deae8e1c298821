import TestSupport
import Testing

@testable import XgenServer

@Suite struct JSONRobustnessTests {
  private static let sample = Array(
    #"""
    {"template":"nodejs","ports":[3000,8080],"gui":false,"x":null,"n":-1.5e+3,
     "env":{"A":"é😀\n\u20ac\ud83d\ude00\"\\"},"deep":[[[{"a":[true]}]]]}
    """#.utf8)

  @Test func everyTruncationIsAnErrorAtItsEnd() throws {
    _ = try JSONParser.parse(Self.sample)
    for end in 0..<Self.sample.count {
      let error = #expect(throws: JSONError.self) {
        try JSONParser.parse(Array(Self.sample[..<end]))
      }
      #expect(error?.reason == .unexpectedEnd, "cut at \(end)")
    }
  }

  @Test func aRandomMutationIsAnErrorOrARoundTripAndNeverATrap() throws {
    var generator = SplitMix64(seed: 42)
    var accepted = 0
    for _ in 0..<100_000 {
      var text = Self.sample
      for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&text, &generator) }
      guard let value = try? JSONParser.parse(text) else { continue }
      accepted += 1
      let again = try JSONParser.parse(value.serialized())
      guard again == value else {
        Issue.record("no round trip: \(String(decoding: text, as: UTF8.self))")
        return
      }
    }
    #expect(accepted > 1000 && accepted < 99_000)
  }

  @Test func randomBytesOfTheGrammarNeverTrap() {
    var generator = SplitMix64(seed: 7)
    let alphabet = Array(#"{}[],:"\u0dD8e.-+19tfn "#.utf8) + [0, 0xC3, 0xA9, 0xED, 0xFF]
    for _ in 0..<100_000 {
      let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
      }
      _ = try? JSONParser.parse(text)
    }
  }

  private func mutate(_ text: inout [UInt8], _ generator: inout SplitMix64) {
    let position = Int.random(in: 0..<text.count, using: &generator)
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: text[position] = UInt8.random(in: 0...255, using: &generator)
    case 1: text.remove(at: position)
    case 2: text.insert(text[Int.random(in: 0..<text.count, using: &generator)], at: position)
    default: text[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    }
  }

  @Test func readsALongNumberAndAnObjectOfManyNames() throws {
    let digits = Array(String(repeating: "9", count: 300).utf8)
    #expect(try JSONParser.parse(digits) == .double(1e300))
    var text = "{"
    for number in 0..<50_000 { text += "\(number == 0 ? "" : ",")\"name\(number)\":\(number)" }
    let value = try JSONParser.parse(Array((text + "}").utf8))
    #expect(value.objectValue?["name49999"] == .int(49_999))
  }
}
