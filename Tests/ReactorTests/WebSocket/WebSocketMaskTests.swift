import Testing

@testable import Reactor

@Suite struct WebSocketMaskTests {
  private let keyBytes: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
  private var key: UInt32 { keyBytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } }

  private func plain(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
  }

  private func expected(_ bytes: [UInt8]) -> [UInt8] {
    bytes.enumerated().map { $1 ^ keyBytes[$0 % 4] }
  }

  @Test func masksInPlaceAtEveryAlignmentAndLength() {
    for alignment in 0..<16 {
      for count in 0...70 {
        var memory = [UInt8](repeating: 0xAA, count: alignment) + plain(count) + [0xBB]
        var mask = WebSocketMask(key: key)
        memory.withUnsafeMutableBytes {
          mask.apply(to: .init(rebasing: $0[alignment..<alignment + count]))
        }
        let around = [UInt8](repeating: 0xAA, count: alignment) + expected(plain(count)) + [0xBB]
        #expect(memory == around)
      }
    }
  }

  @Test func copiesAndMasksAtEveryAlignmentAndLength() {
    for alignment in 0..<8 {
      for count in 0...70 {
        let source = [UInt8](repeating: 0, count: 7 - alignment) + plain(count)
        var target = [UInt8](repeating: 0xCC, count: alignment + count + 1)
        var mask = WebSocketMask(key: key)
        target.withUnsafeMutableBytes { target in
          source.withUnsafeBytes {
            mask.copy(
              .init(rebasing: $0[(7 - alignment)...]),
              to: .init(rebasing: target[alignment..<alignment + count]))
          }
        }
        #expect(Array(target[alignment..<alignment + count]) == expected(plain(count)))
        #expect(target[..<alignment].allSatisfy { $0 == 0xCC } && target.last == 0xCC)
      }
    }
  }

  @Test func remembersItsPlaceInTheKeyFromPieceToPiece() {
    let whole = plain(150)
    for first in 0...75 {
      for second in [0, 1, 2, 3, 5, 64, 75] {
        var memory = whole
        var mask = WebSocketMask(key: key)
        memory.withUnsafeMutableBytes { bytes in
          mask.apply(to: .init(rebasing: bytes[..<first]))
          mask.apply(to: .init(rebasing: bytes[first..<first + second]))
          mask.apply(to: .init(rebasing: bytes[(first + second)...]))
        }
        #expect(memory == expected(whole))
      }
    }
  }

  @Test func keySourceGivesTheSameKeysForTheSameSeed() {
    var one = MaskingKeySource(seed: 0)
    var other = MaskingKeySource(seed: 0)
    let keys = (0..<1000).map { _ in one.next() }
    #expect(keys == (0..<1000).map { _ in other.next() })
    #expect(Set(keys).count == 1000)
    // The first output of SplitMix64 for seed 0 is E220A8397B1DCDAF.
    #expect(keys[0] == 0xE220_A839)
  }
}
