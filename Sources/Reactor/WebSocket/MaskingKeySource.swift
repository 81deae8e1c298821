/// Masking keys for a client's frames, without a system call each: SplitMix64 (Steele, Lea and
/// Flood 2014) from a seed that the caller takes once from the system.
///
/// RFC 6455 §5.3 wants keys that a script in a browser can't predict, to protect proxies from
/// bytes that it chose. Our clients run no foreign script: a key here only has to differ.
public struct MaskingKeySource: Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  @inline(__always)
  public mutating func next() -> UInt32 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
    return UInt32(truncatingIfNeeded: (mixed ^ (mixed &>> 31)) &>> 32)
  }
}
