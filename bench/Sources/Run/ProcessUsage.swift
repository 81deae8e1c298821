import Glibc

/// What some processes have used up to now, taken together.
struct ProcessUsage {
  /// All threads, also those that have ended, to the nanosecond: the processes' CPU clocks
  /// (clock_getcpuclockid(3)).
  let cpuUs: Double
  /// How the kernel divides that between the program and itself: in steps of a clock tick, usually
  /// 10 ms.
  let userTicks: Int
  let systemTicks: Int
  let rssKiB: Int

  /// Nil if one of them does not exist.
  init?(pids: [Int]) {
    var cpuUs = 0.0
    var ticks = (user: 0, system: 0)
    var rssKiB = 0
    for pid in pids {
      guard let cpu = Self.cpuUs(pid), let times = Self.ticks(pid), let rss = Self.rss(pid) else {
        return nil
      }
      cpuUs += cpu
      ticks.user += times.user
      ticks.system += times.system
      rssKiB += rss
    }
    self.cpuUs = cpuUs
    userTicks = ticks.user
    systemTicks = ticks.system
    self.rssKiB = rssKiB
  }

  private static func cpuUs(_ pid: Int) -> Double? {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(pid_t(pid), &clock) == 0, clock_gettime(clock, &time) == 0 else {
      return nil
    }
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
  }

  /// Fields 14 and 15 of `stat` (proc(5)).
  private static func ticks(_ pid: Int) -> (user: Int, system: Int)? {
    // The name in parentheses may hold anything; field 3 stands behind the last one.
    guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else {
      return nil
    }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
      return nil
    }
    return (user, system)
  }

  /// `Rss:      12345 kB`; `VmRSS` of `status` is only an estimate.
  private static func rss(_ pid: Int) -> Int? {
    guard let text = read("/proc/\(pid)/smaps_rollup"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Rss:") })
    else { return nil }
    return Int(line.filter { ("0"..."9").contains($0) })
  }

  /// The start of a file of /proc, which is more than is looked at.
  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { bytes in
      let count = Glibc.read(descriptor, bytes.baseAddress, bytes.count)
      return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
  }
}
