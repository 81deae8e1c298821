import TestSupport
import Testing

@testable import Reactor

/// Streams made at random, right and wrong: the decoder and the scanner must not trap, must not
/// depend on how the stream is cut, and must agree with each other.
@Suite struct WebSocketRandomStreamTests {
  /// A valid stream of binary messages, fragmented now and then, with control frames between.
  private func stream(
    _ random: inout SplitMix64, role: WebSocketRole, frames: Int, maxPayload: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var isInside = false
    for _ in 0..<frames {
      let key: [UInt8]? =
        role == .server ? (0..<4).map { _ in .random(in: 0...255, using: &random) } : nil
      let count = Int.random(in: 0...maxPayload, using: &random)
      let payload = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      if Int.random(in: 0..<4, using: &random) == 0 {
        let opcode: UInt8 = Bool.random(using: &random) ? 9 : 10
        bytes += rawFrame(opcode, Array(payload.prefix(125)), key: key)
      } else {
        let fin = Bool.random(using: &random)
        bytes += rawFrame(isInside ? 0 : 2, payload, fin: fin, key: key)
        isInside = !fin
      }
    }
    return bytes
  }

  private func cut(_ bytes: [UInt8], _ random: inout SplitMix64) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...40, using: &random))
      pieces.append(Array(bytes[start..<end]))
      start = end
    }
    return pieces
  }

  @Test(arguments: WebSocketRole.allCases)
  func scannerAndDecoderAgreeOnValidStreams(role: WebSocketRole) {
    var random = SplitMix64(seed: 1)
    for _ in 0..<300 {
      let bytes = stream(&random, role: role, frames: 12, maxPayload: 300)
      let whole = WebSocketTranscript(role: role, [bytes])
      let scanned = WebSocketScanTranscript(role: role, [bytes])
      #expect(whole.error == nil)
      #expect(scanned.failure == nil)
      #expect(scanned.forwarded == bytes)
      #expect(scanned.frameCount == 12)
      #expect(scanned.messageCount == messageCount(whole))
      #expect(WebSocketTranscript(role: role, cut(bytes, &random)) == whole)
      #expect(WebSocketScanTranscript(role: role, cut(bytes, &random)) == scanned)
    }
  }

  @Test func mutatedStreamsNeverTrapAndCuttingsAgree() {
    var random = SplitMix64(seed: 2)
    var refused = 0
    for round in 0..<50_000 {
      let role = WebSocketRole.allCases[round % 2]
      var bytes = stream(&random, role: role, frames: 3, maxPayload: 9)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      if !agrees(bytes, cut(bytes, &random), role: role) {
        Issue.record("round \(round): \(bytes)")
      }
      if WebSocketScanTranscript(role: role, [bytes]).failure != nil { refused += 1 }
    }
    #expect(refused > 10_000 && refused < 45_000, "the mutations should both pass and fail")
  }

  /// The cutting changes neither transcript, and the scanner lets through just what the decoder
  /// can decode, up to the payloads that only the decoder reads.
  private func agrees(_ bytes: [UInt8], _ pieces: [[UInt8]], role: WebSocketRole) -> Bool {
    let whole = WebSocketTranscript(role: role, maxMessageBytes: 100, [bytes])
    let scanned = WebSocketScanTranscript(role: role, maxMessageBytes: 100, [bytes])
    guard WebSocketTranscript(role: role, maxMessageBytes: 100, pieces) == whole,
      WebSocketScanTranscript(role: role, maxMessageBytes: 100, pieces) == scanned
    else { return false }
    switch whole.error {
    case .invalidUTF8, .truncatedCloseCode, .invalidCloseCode: return true
    default: break
    }
    let forwarded = WebSocketTranscript(role: role, maxMessageBytes: 100, [scanned.forwarded])
    return scanned.failure == whole.error && scanned.messageCount == messageCount(whole)
      && forwarded == WebSocketTranscript(items: whole.items)
  }

  private func messageCount(_ transcript: WebSocketTranscript) -> Int {
    transcript.items.filter { if case .message = $0 { true } else { false } }.count
  }
}
