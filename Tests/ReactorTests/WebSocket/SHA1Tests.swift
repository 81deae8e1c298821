import Reactor
import Testing

@Suite struct SHA1Tests {
  private func digest(_ text: String) -> String {
    Array(text.utf8).withUnsafeBytes { SHA1.digest($0) }
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// RFC 3174 §7.3 and FIPS 180's one-block and two-block examples.
  @Test func itIsWhatTheStandardsSay() {
    #expect(digest("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    #expect(digest("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
        == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    #expect(
      digest(String(repeating: "a", count: 1_000_000))
        == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    #expect(
      digest(
        String(
          repeating: "0123456701234567012345670123456701234567012345670123456701234567", count: 10))
        == "dea356a2cddd90c7a7ecedc5ebb563934f460452")
  }

  /// Of so many letters, by sha1sum: where the padding just fits a block, and where it does not.
  @Test(arguments: [
    (1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    (54, "b05d71c64979cb95fa74a33cdb31a40d258ae02e"),
    (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
    (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
    (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
    (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
    (119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"),
    (120, "f34c1488385346a55709ba056ddd08280dd4c6d6"),
  ])
  func thePaddingFitsEveryLength(count: Int, expected: String) {
    #expect(digest(String(repeating: "a", count: count)) == expected)
  }
}
