internal import CLinux
internal import Glibc
internal import Reactor

extension HostProcess {
  /// The process that has this pid now; nil if none runs. Blocks.
  static func running(_ pid: Int32) -> HostProcess? {
    guard let stat = try? HostFiles.read("/proc/\(pid)/stat", limit: LocalLimits.maxProcBytes)
    else { return nil }
    return HostProcess(pid: pid, stat: stat)
  }

  /// Whether this very process runs. Blocks.
  var isRunning: Bool { HostProcess.running(pid) == self }

  /// Kills this very process, waits for its end, and reaps it if it is our child. False if it is
  /// still there after the time limit. Blocks.
  @discardableResult
  func end() -> Bool {
    let raw = xgen_pidfd_open(pid)
    guard raw >= 0 else { return true }
    let pidfd = OwnedDescriptor(raw)
    // After the open: the descriptor can't come to mean another process.
    guard isRunning else { return reapIfEnded() }
    _ = xgen_pidfd_send_signal(pidfd.raw, SIGKILL)
    let hasEnded = Deadline(afterMs: LocalLimits.killTimeoutMs).waitForReadable(pidfd.raw)
    return reapIfEnded() && hasEnded
  }

  /// A child keeps its pid until it is reaped, so this can't meet another one.
  private func reapIfEnded() -> Bool {
    var ignored: Int32 = 0
    _ = xgen_reap(pid, &ignored)
    return true
  }

  /// The kernel's id of this boot; pids and start times mean nothing after another. Blocks.
  static func bootID() throws(LocalError) -> String {
    let bytes = try HostFiles.read(
      "/proc/sys/kernel/random/boot_id", limit: LocalLimits.maxProcBytes)
    return String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
  }

  /// The pid of a process's parent; nil if no such process runs. Blocks.
  static func parent(of pid: Int32) -> Int32? {
    guard let stat = try? HostFiles.read("/proc/\(pid)/stat", limit: LocalLimits.maxProcBytes),
      let nameEnd = stat.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = stat[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
    return fields.count > 1 ? Int32(String(decoding: fields[1], as: UTF8.self)) : nil
  }

  /// Every pid of the host with its command line, empty ones left out. Blocks.
  static func commandLines() -> [(pid: Int32, words: [String])] {
    HostFiles.names(in: "/proc").compactMap { name in
      guard let pid = Int32(name),
        let bytes = try? HostFiles.read("/proc/\(pid)/cmdline", limit: LocalLimits.maxProcBytes),
        !bytes.isEmpty
      else { return nil }
      return (pid, bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }
  }
}

/// A moment on the monotonic clock until which a worker is willing to wait.
struct Deadline {
  private let endMs: Int64

  init(afterMs: Int32) { endMs = Self.nowMs() + Int64(afterMs) }

  var hasPassed: Bool { Self.nowMs() >= endMs }

  /// Waits until the descriptor has something to read or is at its end; false when time is up.
  func waitForReadable(_ descriptor: Int32) -> Bool {
    while true {
      let leftMs = max(0, endMs - Self.nowMs())
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let count = poll(&entry, 1, Int32(min(leftMs, Int64(Int32.max))))
      if count > 0 { return true }
      if count == 0 || errno != EINTR { return false }
    }
  }

  private static func nowMs() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }
}
