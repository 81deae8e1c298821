import Glibc

/// What a process has used up to now, as the kernel tells (proc(5)): CPU time in steps of a clock
/// tick, usually 10 ms.
struct ProcessUsage {
  let userUs: Double
  let systemUs: Double
  let rssKiB: Int

  var cpuUs: Double { userUs + systemUs }

  /// Nil if there is no such process.
  init?(pid: Int) {
    guard let times = Self.times(pid), let rss = Self.rss(pid) else { return nil }
    let tickUs = 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
    userUs = Double(times.user) * tickUs
    systemUs = Double(times.system) * tickUs
    rssKiB = rss
  }

  /// In ticks: fields 14 and 15 of `stat`.
  private static func times(_ pid: Int) -> (user: Int, system: Int)? {
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

  /// `VmRSS:      12345 kB`
  private static func rss(_ pid: Int) -> Int? {
    guard let text = read("/proc/\(pid)/status"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
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
