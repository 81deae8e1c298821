internal import CLinux
internal import Glibc
internal import Reactor

// All of it blocks: workers only.

extension CgroupFolder {
  /// Makes it, or takes an existing one.
  func make() throws(LocalError) {
    if mkdir(path, 0o755) != 0 && errno != EEXIST { throw .last("mkdir \(path)") }
  }

  var exists: Bool { HostFiles.isFolder(path) }

  /// Whether it is what it is said to be.
  var isCgroup: Bool { exists && xgen_cgroup_version(path) == (version == .v1 ? 1 : 2) }

  func write(_ file: String, _ value: String) throws(LocalError) {
    let name = path + "/" + file
    try OwnedDescriptor.open(name, O_WRONLY).write(Array(value.utf8), "\(value) to \(name)")
  }

  func read(
    _ file: String, limit: Int = LocalLimits.maxCgroupFileBytes
  ) throws(LocalError) -> String {
    let bytes = try HostFiles.read(path + "/" + file, limit: limit)
    return String(decoding: bytes, as: UTF8.self)
  }

  func apply(_ limits: CgroupLimits) throws(LocalError) {
    for entry in limits.entries(controllers, version) {
      do {
        try write(entry.file, entry.value)
      } catch .system(_, let cause) where entry.isOptional || isBoundAbove(entry, cause) {
        continue
      }
    }
  }

  /// v1 refuses a share of cores above the parent's, whose limit then holds.
  private func isBoundAbove(_ entry: CgroupLimits.Entry, _ cause: UVError) -> Bool {
    entry.file == "cpu.cfs_quota_us" && cause == UVError(-EINVAL)
  }

  /// Throws unless the kernel says that the limits are as they were written.
  func verify(_ limits: CgroupLimits) throws(LocalError) {
    for entry in limits.entries(controllers, version) where !entry.isOptional {
      let found = try read(entry.file)
      if found.split(separator: "\n").first.map(String.init) == entry.value { continue }
      throw .program("\(path)/\(entry.file) is not \(entry.value) but \(found)")
    }
  }

  /// How many processes in it the kernel has killed for want of memory; nil without the file.
  var memoryKills: UInt64? {
    guard controllers.contains(.memory), let text = try? read(version.oomFile) else { return nil }
    return Self.memoryKills(text)
  }

  // MARK: The end

  /// Kills what is inside and removes it; fine if it is gone.
  func remove() throws(LocalError) {
    let deadline = Deadline(afterMs: LocalLimits.cgroupRemovalMs)
    while rmdir(path) != 0 {
      if errno == ENOENT { return }
      if errno != EBUSY || deadline.hasPassed { throw .last("rmdir \(path)") }
      killAll()
      usleep(LocalLimits.cgroupRetryUs)
    }
  }

  /// Kills every process in it. One that was forked meanwhile is for the next call.
  private func killAll() {
    try? write("cgroup.kill", "1")  // v2, Linux 5.14
    for pid in processes() {
      let raw = xgen_pidfd_open(pid)
      if raw < 0 { continue }
      let pidfd = OwnedDescriptor(raw)
      // Once more, now that the descriptor can't come to mean another process.
      if processes().contains(pid) { _ = xgen_pidfd_send_signal(pidfd.raw, SIGKILL) }
    }
  }

  func processes() -> [Int32] {
    let text = (try? read("cgroup.procs", limit: LocalLimits.maxProcBytes)) ?? ""
    // 0 is a process that our pid namespace does not show.
    return text.split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 1 }
  }
}
