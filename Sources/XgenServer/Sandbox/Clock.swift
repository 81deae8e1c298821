internal import Glibc

/// Wall-clock time, injectable so that tests need not wait for an expiry.
struct Clock: Sendable {
  /// Unix time in milliseconds.
  var nowMs: @Sendable () -> Int64

  static let system = Clock {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }
}
