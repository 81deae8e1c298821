/// Sandbox identifiers: 16 characters of `[a-z2-7]` for 80 bits (RFC 4648 §6, in lower case).
///
/// They are part of public host names, so they must be hard to guess and fit a DNS label.
enum SandboxID {
  /// 80 bits: 2^80 guesses, and no padding in base 32.
  static let byteCount = 10
  private static let characters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  static func random() -> String { text(of: SystemRandom.bytes(byteCount)) }

  /// The identifier that `bytes` stand for, of which only the first 10 count: those of a MAC
  /// where the identifier is derived instead of random. Fewer are our own bug.
  static func text(of bytes: [UInt8]) -> String {
    precondition(bytes.count >= byteCount, "a sandbox id needs 80 bits")
    var text: [UInt8] = []
    var bits: UInt64 = 0
    for (index, byte) in bytes.prefix(byteCount).enumerated() {
      bits = bits << 8 | UInt64(byte)
      guard index % 5 == 4 else { continue }
      for shift in stride(from: 35, through: 0, by: -5) {
        text.append(characters[Int(bits >> UInt64(shift) & 0x1F)])
      }
      bits = 0
    }
    return String(decoding: text, as: UTF8.self)
  }
}
