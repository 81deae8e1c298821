import TestSupport
import Testing

@testable import XgenProtocol

@Suite struct HostileInputTests {
  @Test func everySampleComesBackUnchanged() throws {
    for sample in Sample.all() {
      let again = try withExactBytes(sample.bytes) { try sample.type.decode($0).encode() }
      #expect(again == sample.bytes, "\(sample.type)")
    }
  }

  @Test func everyTruncationIsAnError() {
    for sample in Sample.all() {
      for count in 0..<sample.bytes.count where !isWhole(sample, count) {
        #expect(throws: ProtocolError.self, "\(sample.type) cut to \(count) bytes") {
          try withExactBytes(sample.bytes.prefix(count)) { _ = try sample.type.decode($0) }
        }
      }
    }
  }

  /// Each format byte once, and each format family that holds its length at both ends.
  @Test func everyFormatAtEveryPlaceIsSurvived() {
    let formats = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xff] + [UInt8](0xc0...0xe0)
    for sample in Sample.all() {
      for index in sample.bytes.indices {
        var bytes = sample.bytes
        for byte in formats {
          bytes[index] = byte
          attempt(sample.type, bytes)
        }
      }
    }
  }

  @Test func mutatedMessagesAreSurvived() {
    var generator = SplitMix64(seed: 42)
    let samples = Sample.all()
    var accepted = 0
    for _ in 0..<100_000 {
      let sample = samples.randomElement(using: &generator)!
      if attempt(sample.type, mutate(sample.bytes, &generator)) { accepted += 1 }
    }
    #expect(accepted > 1000 && accepted < 99_000)
  }

  @Test func noiseIsSurvivedByEveryDecoder() {
    var generator = SplitMix64(seed: 7)
    let types = Sample.all().map(\.type)
    for _ in 0..<2000 {
      let count = Int.random(in: 0...40, using: &generator)
      let noise = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      for type in types { attempt(type, noise) }
    }
  }

  /// Where a shorter payload is a whole one: raw bytes, and payloads that may be empty.
  private func isWhole(_ sample: Sample, _ count: Int) -> Bool {
    if sample.type == ExecStdin.self { return count >= 4 }
    return count == 0 && (sample.type == ExecList.self || sample.type == ExecAttachAck.self)
  }

  /// Decodes; what is accepted must survive being written and read again.
  @discardableResult
  private func attempt(_ type: any WirePayload.Type, _ bytes: [UInt8]) -> Bool {
    let written = withExactBytes(bytes) { try? type.decode($0).encode() }
    guard let written else { return false }
    let again = withExactBytes(written) { try? type.decode($0).encode() }
    if again != written { Issue.record("\(type): \(bytes)") }
    return true
  }

  private func mutate(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      guard let index = bytes.indices.randomElement(using: &generator) else { break }
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[index] = .random(in: .min ... .max, using: &generator)
      case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes.remove(at: index)
      case 3: bytes.insert(.random(in: 0x80 ... .max, using: &generator), at: index)
      default: bytes.replaceSubrange(index..., with: bytes[..<index])
      }
    }
    return bytes
  }
}
