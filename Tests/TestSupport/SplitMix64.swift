/// Random numbers, the same for the same seed, so that a failure can be repeated.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count + 7) { room, used in
      let raw = UnsafeMutableRawBufferPointer(room)
      for offset in stride(from: 0, to: count, by: 8) {
        raw.storeBytes(of: next(), toByteOffset: offset, as: UInt64.self)
      }
      used = count
    }
  }
}
