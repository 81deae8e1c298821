import Glibc

enum Clock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  static func nowNs() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  static func secondsSince(_ startNs: UInt64) -> Double { Double(nowNs() - startNs) / 1e9 }
}
