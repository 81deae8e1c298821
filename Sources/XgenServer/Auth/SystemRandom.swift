import Glibc

/// Random bytes for secrets and identifiers: the kernel's getrandom(2), which Swift's Glibc
/// module offers as getentropy(3) only.
enum SystemRandom {
  /// The most that one call may ask for.
  private static let maxRequest = 256

  /// Blocks only before the kernel's pool is first seeded. Without random bytes nothing here is
  /// safe, so a kernel that refuses them ends the process.
  static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let request = UnsafeMutableBufferPointer(
          rebasing: buffer[filled..<min(filled + maxRequest, count)])
        let status = getentropy(request.baseAddress, request.count)
        precondition(status == 0, "the kernel gave no random bytes")
        filled += request.count
      }
    }
  }
}

extension SystemRandom {
  /// 16 random bytes as two words.
  static func pair() -> (UInt64, UInt64) {
    bytes(16).withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
  }
}

/// Random bytes a few at a time, for which the kernel is asked once for many. Not for secrets, which
/// should lie nowhere before they are used.
struct RandomSource {
  private static let bytesAtOnce = 1_024

  private var bytes: [UInt8] = []
  private var used = 0

  /// The next ones. Precondition: at most 1,024.
  mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    precondition(count <= Self.bytesAtOnce, "too many at once")
    if bytes.count - used < count {
      bytes = SystemRandom.bytes(Self.bytesAtOnce)
      used = 0
    }
    used += count
    return bytes[(used - count)..<used]
  }

  /// The next 16 as two words.
  mutating func pair() -> (UInt64, UInt64) {
    take(16).withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
  }
}
