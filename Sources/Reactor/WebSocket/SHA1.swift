/// SHA-1 (FIPS 180-4 §6.1), for the WebSocket handshake only: RFC 6455 §1.3 asks for a proof that
/// the peer has understood, not for strength. It is our own, so that a program which needs no other
/// cryptography, the sidecar, need not load OpenSSL at each of its starts.
public enum SHA1 {
  private static let blockBytes = 64

  /// The state after the blocks so far (§5.3.1).
  private typealias State = (a: UInt32, b: UInt32, c: UInt32, d: UInt32, e: UInt32)

  /// 20 bytes.
  public static func digest(_ message: UnsafeRawBufferPointer) -> [UInt8] {
    var state: State = (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0)
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
      let whole = message.count / blockBytes * blockBytes
      for start in stride(from: 0, to: whole, by: blockBytes) {
        fill(schedule, UnsafeRawBufferPointer(rebasing: message[start..<start + blockBytes]))
        compress(schedule, into: &state)
      }
      let rest = UnsafeRawBufferPointer(rebasing: message[whole...])
      finish(rest, bitCount: UInt64(message.count) * 8) { block in
        fill(schedule, block)
        compress(schedule, into: &state)
      }
    }
    return bytes(of: state)
  }

  private static func bytes(of state: State) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 20) { digest, count in
      let words = (
        state.a.bigEndian, state.b.bigEndian, state.c.bigEndian, state.d.bigEndian,
        state.e.bigEndian
      )
      withUnsafeBytes(of: words) { UnsafeMutableRawBufferPointer(digest).copyMemory(from: $0) }
      count = 20
    }
  }

  /// Behind the message a one bit, zeros, and its length in bits as the last 8 bytes (§5.1.1): one
  /// block or two.
  private static func finish(
    _ rest: UnsafeRawBufferPointer, bitCount: UInt64,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    withUnsafeTemporaryAllocation(byteCount: 2 * blockBytes, alignment: 8) { room in
      let total = rest.count + 1 + 8 <= blockBytes ? blockBytes : 2 * blockBytes
      for index in rest.count..<total { room[index] = 0 }
      room.copyMemory(from: rest)
      room[rest.count] = 0x80
      room.storeBytes(of: bitCount.bigEndian, toByteOffset: total - 8, as: UInt64.self)
      for start in stride(from: 0, to: total, by: blockBytes) {
        body(UnsafeRawBufferPointer(rebasing: room[start..<start + blockBytes]))
      }
    }
  }

  private static func fill(
    _ schedule: UnsafeMutableBufferPointer<UInt32>, _ block: UnsafeRawBufferPointer
  ) {
    for index in 0..<16 {
      let word = block.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
      schedule[index] = UInt32(bigEndian: word)
    }
    for index in 16..<80 {
      let word =
        schedule[index &- 3] ^ schedule[index &- 8] ^ schedule[index &- 14] ^ schedule[index &- 16]
      schedule[index] = rotated(word, by: 1)
    }
  }

  /// The functions and constants of the four times twenty steps (§4.1.1, §4.2.1, §6.1.2).
  private static func compress(
    _ schedule: UnsafeMutableBufferPointer<UInt32>, into state: inout State
  ) {
    var next = state
    for index in 0..<20 {
      let choice = next.d ^ (next.b & (next.c ^ next.d))
      step(&next, choice, 0x5A82_7999, schedule[index])
    }
    for index in 20..<40 {
      step(&next, next.b ^ next.c ^ next.d, 0x6ED9_EBA1, schedule[index])
    }
    for index in 40..<60 {
      let majority = (next.b & next.c) | (next.d & (next.b | next.c))
      step(&next, majority, 0x8F1B_BCDC, schedule[index])
    }
    for index in 60..<80 {
      step(&next, next.b ^ next.c ^ next.d, 0xCA62_C1D6, schedule[index])
    }
    state = (
      state.a &+ next.a, state.b &+ next.b, state.c &+ next.c, state.d &+ next.d,
      state.e &+ next.e
    )
  }

  @inline(__always)
  private static func step(
    _ state: inout State, _ mix: UInt32, _ constant: UInt32, _ word: UInt32
  ) {
    let first = rotated(state.a, by: 5) &+ mix &+ state.e &+ constant &+ word
    state = (first, state.a, rotated(state.b, by: 30), state.c, state.d)
  }

  @inline(__always)
  private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 {
    word &<< bits | word &>> (32 &- bits)
  }
}
