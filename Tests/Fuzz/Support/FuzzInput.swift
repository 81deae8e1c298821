#if canImport(TestSupport)
  import TestSupport
#endif

/// One input of a fuzz target, and the ways to cut it.
struct FuzzInput {
  let bytes: [UInt8]
  /// Byte by byte and in two parts at every place, as tests cut their small corpora; else a few
  /// cuttings that follow from the bytes alone, so that a finding can be repeated.
  var isThorough = false

  /// Longer inputs are not cut byte by byte while fuzzing, nor in two at every place in tests.
  private static let maxDripBytes = 96
  private static let maxSplitBytes = 2000

  /// Where the pieces end, for each cutting; the last end is the input's.
  var cuttings: [[Int]] {
    var random = SplitMix64(seed: seed)
    let few = [cut(upTo: 7, &random), cut(upTo: 60, &random)]
    let drip = isThorough || bytes.count <= Self.maxDripBytes ? [Array(0...bytes.count)] : []
    guard isThorough, bytes.count <= Self.maxSplitBytes else { return few + drip }
    return few + drip + (0...bytes.count).map { [$0, bytes.count] }
  }

  /// The input as one piece.
  var whole: [Int] { [bytes.count] }

  /// FNV-1a of the input: a number to choose with, the same for the same input.
  var seed: UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  private func cut(upTo longest: Int, _ random: inout SplitMix64) -> [Int] {
    var ends: [Int] = []
    while ends.last ?? 0 < bytes.count {
      ends.append(
        min(bytes.count, (ends.last ?? 0) + Int.random(in: 1...longest, using: &random)))
    }
    return ends.isEmpty ? [0] : ends
  }
}

/// Lends `bytes` from an allocation of exactly their size, so that AddressSanitizer sees every
/// access beyond them.
func withExactBytes<T>(
  _ bytes: some Collection<UInt8>, _ body: (UnsafeMutableRawBufferPointer) throws -> T
) rethrows -> T {
  let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { exact.deallocate() }
  exact.copyBytes(from: bytes)
  return try body(exact)
}

/// An invariant that an input broke: a crash to libFuzzer, an issue to a test.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

func require(_ condition: Bool, _ invariant: @autoclosure () -> String) throws {
  if !condition { throw Violation(description: invariant()) }
}

/// The value, which the invariant says is there.
func require<T>(_ value: T?, _ invariant: @autoclosure () -> String) throws -> T {
  guard let value else { throw Violation(description: invariant()) }
  return value
}
