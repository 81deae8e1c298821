import Testing

@testable import XgenServer

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Suite struct HMACTests {
  /// FIPS 180-4's examples and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hashesTheStandardsExamples(text: String, digest: String) {
    #expect(hex(SHA256.hash(Array(text.utf8))) == digest)
  }

  /// RFC 4231 §4.2, §4.3, §4.7 (a key longer than the block), and empty key and message.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0B, count: 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    ([], "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
  ])
  func authenticatesTheVectorsOfTheRFC(key: [UInt8], message: String, code: String) {
    #expect(hex(HMACSHA256.code(for: Array(message.utf8), key: key)) == code)
  }

  @Test func comparesEveryByteAndTheLength() {
    let bytes: [UInt8] = Array(0..<32)
    #expect(constantTimeEquals(bytes, bytes))
    #expect(constantTimeEquals([], []))
    #expect(!constantTimeEquals(bytes, []))
    #expect(!constantTimeEquals(bytes, Array(bytes.dropLast())))
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 0x80
      #expect(!constantTimeEquals(bytes, other))
    }
  }

  @Test(arguments: [0, 1, 255, 256, 257, 1000])
  func givesAsManyRandomBytesAsAsked(count: Int) {
    let bytes = SystemRandom.bytes(count)
    #expect(bytes.count == count)
    if count >= 255 { #expect(Set(bytes).count > 100) }
    if count >= 257 {
      #expect(Array(bytes.suffix(count - 256)).contains { $0 != 0 } || count == 257)
    }
  }
}

@Suite struct SandboxIDTests {
  /// RFC 4648 §10 in lower case, at full length.
  @Test(
    arguments: [
      (Array("foobarfoob".utf8), "mzxw6ytbojtg633c"),
      (.init(repeating: 0, count: 10), "aaaaaaaaaaaaaaaa"),
      (.init(repeating: 0xFF, count: 32), "7777777777777777"),
    ] as [([UInt8], String)])
  func spellsTheFirst80BitsInBase32(bytes: [UInt8], id: String) {
    #expect(SandboxID.text(of: bytes) == id)
  }

  @Test func drawsDifferentIdentifiersOfTheAlphabet() {
    let ids = (0..<1000).map { _ in SandboxID.random() }
    #expect(Set(ids).count == 1000)
    let alphabet = Set("abcdefghijklmnopqrstuvwxyz234567")
    for id in ids { #expect(id.count == 16 && alphabet.isSuperset(of: id)) }
    for position in 0..<16 {
      let seen = Set(ids.map { Array($0)[position] })
      #expect(seen == alphabet, "position \(position)")
    }
  }
}
