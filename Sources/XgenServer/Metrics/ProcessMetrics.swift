internal import CLinux
internal import Glibc

/// The `process_*` metrics that Prometheus's own client libraries have, from proc(5).
struct ProcessMetrics: Sendable, Equatable {
  var cpuSeconds = 0.0
  var residentBytes: UInt64 = 0
  var virtualBytes: UInt64 = 0
  /// Unix time.
  var startSeconds = 0.0
  var threads: UInt64 = 0
  var openFiles = 0
  var maxFiles: UInt64 = 0

  /// Reads /proc/self; nil if it is not what it should be. Blocks.
  static func read() -> ProcessMetrics? {
    guard let stat = text("/proc/self/stat"), let system = text("/proc/stat"),
      var metrics = ProcessMetrics(
        stat: stat, systemStat: system, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)),
        pageBytes: sysconf(Int32(_SC_PAGESIZE)))
    else { return nil }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(UInt32(xgen_limit_nofile())), &limit) == 0 {
      metrics.maxFiles = UInt64(limit.rlim_cur)
    }
    // Without the descriptor that the count itself opens.
    metrics.openFiles = max(0, HostFiles.names(in: "/proc/self/fd").count - 1)
    return metrics
  }

  private static func text(_ path: String) -> String? {
    (try? HostFiles.read(path, limit: LocalLimits.maxProcBytes))
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// From the text of /proc/self/stat, whose second field is the program's name in parentheses
  /// and may hold anything, and that of /proc/stat, which tells when the system started.
  init?(stat: String, systemStat: String, ticksPerSecond: Int, pageBytes: Int) {
    guard let nameEnd = stat.lastIndex(of: ")"), ticksPerSecond > 0 else { return nil }
    // Of proc(5)'s numbers, the first behind the name is 3.
    let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
    func field(_ number: Int) -> UInt64? {
      fields.indices.contains(number - 3) ? UInt64(fields[number - 3]) : nil
    }
    let bootLine = systemStat.split(separator: "\n").first { $0.hasPrefix("btime ") }
    guard let user = field(14), let system = field(15), let threads = field(20),
      let started = field(22), let virtual = field(23), let resident = field(24),
      let boot = bootLine.flatMap({ UInt64($0.dropFirst(6)) })
    else { return nil }
    let ticks = Double(ticksPerSecond)
    cpuSeconds = Double(user) / ticks + Double(system) / ticks
    residentBytes = resident.multipliedReportingOverflow(by: UInt64(pageBytes)).partialValue
    virtualBytes = virtual
    startSeconds = Double(boot) + Double(started) / ticks
    self.threads = threads
  }

  func write(_ out: inout MetricsText) {
    out.begin("process_cpu_seconds_total", "counter", "User and system CPU time.")
    out.sample(cpuSeconds)
    out.begin("process_resident_memory_bytes", "gauge", "Resident memory.")
    out.sample(residentBytes)
    out.begin("process_virtual_memory_bytes", "gauge", "Virtual memory.")
    out.sample(virtualBytes)
    out.begin("process_start_time_seconds", "gauge", "Start, in seconds since 1970.")
    out.sample(startSeconds)
    out.begin("process_threads", "gauge", "Threads.")
    out.sample(threads)
    out.begin("process_open_fds", "gauge", "Open file descriptors.")
    out.sample(openFiles)
    out.begin("process_max_fds", "gauge", "The limit of open file descriptors.")
    out.sample(maxFiles)
  }
}
