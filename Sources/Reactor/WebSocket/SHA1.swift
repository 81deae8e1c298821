/// SHA-1 (FIPS 180-4 §6.1), for the WebSocket handshake only: RFC 6455 §1.3 asks for a proof that
/// the peer has understood, not for strength. It is our own, so that a program which needs no other
/// cryptography, the sidecar, need not load OpenSSL at each of its starts.
public enum SHA1 {
  private static let blockBytes = 64

  /// 20 bytes.
  public static func digest(_ message: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    let padded = pad(message)
    padded.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: blockBytes) {
        compress(
          UnsafeRawBufferPointer(rebasing: bytes[start..<start + blockBytes]), into: &state)
      }
    }
    return state.flatMap { word in (0..<4).map { UInt8(word >> (24 - 8 * UInt32($0)) & 0xFF) } }
  }

  /// Behind the message a one bit, zeros, and its length in bits as the last 8 bytes (§5.1.1).
  private static func pad(_ message: UnsafeRawBufferPointer) -> [UInt8] {
    let blocks = (message.count + 1 + 8 + blockBytes - 1) / blockBytes
    var padded = [UInt8](message)
    padded.append(0x80)
    padded.append(contentsOf: repeatElement(0, count: blocks * blockBytes - 8 - padded.count))
    let bits = UInt64(message.count) * 8
    padded.append(contentsOf: (0..<8).map { UInt8(bits >> (56 - 8 * UInt64($0)) & 0xFF) })
    return padded
  }

  private static func compress(_ block: UnsafeRawBufferPointer, into state: inout [UInt32]) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
      for index in 0..<16 {
        let word = block.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
        schedule[index] = UInt32(bigEndian: word)
      }
      for index in 16..<80 {
        schedule[index] = rotated(
          schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14] ^ schedule[index - 16],
          by: 1)
      }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for index in 0..<80 {
        let (mix, constant) = step(index, b, c, d)
        let next = rotated(a, by: 5) &+ mix &+ e &+ constant &+ schedule[index]
        (a, b, c, d, e) = (next, a, rotated(b, by: 30), c, d)
      }
      for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
    }
  }

  /// The function and the constant of a step (§4.1.1, §4.2.1).
  private static func step(
    _ index: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32
  ) -> (mix: UInt32, constant: UInt32) {
    switch index {
    case 0..<20: ((b & c) ^ (~b & d), 0x5A82_7999)
    case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
    case 40..<60: ((b & c) ^ (b & d) ^ (c & d), 0x8F1B_BCDC)
    default: (b ^ c ^ d, 0xCA62_C1D6)
    }
  }

  private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 {
    word << bits | word >> (32 - bits)
  }
}
