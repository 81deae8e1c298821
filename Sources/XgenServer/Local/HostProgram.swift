internal import CLinux
internal import Glibc
internal import Reactor

/// A program of the host, run to its end by a worker.
struct HostProgram: Sendable {
  let path: String
  let arguments: [String]
  /// Host user to become; nil for our own.
  var user: UInt32?
  /// Becomes descriptors 3, 4, … of the program.
  var extraDescriptors: [Int32] = []
  /// Join files of cgroups that it is to run in.
  var cgroups: [Int32] = []
  /// Read as its standard input; /dev/null otherwise.
  var input: [UInt8]?
  /// Where it runs, if not beside us.
  var place: NamespacePlace?

  struct Outcome: Sendable, Equatable {
    /// 128+n for a death by signal n.
    let exitCode: Int32
    /// The beginning of what it wrote, standard output and error together.
    let output: String
  }

  /// Runs it; throws if it can't start or is not done in time (it is killed then). Blocks.
  func run(timeoutMs: Int32) throws(LocalError) -> Outcome {
    let source =
      if let input { try OwnedDescriptor.memory("input", input) } else {
        try OwnedDescriptor.open("/dev/null", O_RDWR)
      }
    let ends = try OwnedDescriptor.pipe()
    let read = OwnedDescriptor(ends.read)
    let pid: Int32
    do {
      let write = OwnedDescriptor(ends.write)
      pid = try spawn([source.raw, write.raw, write.raw] + extraDescriptors)
    }
    let deadline = Deadline(afterMs: timeoutMs)
    let output = Self.collect(read, until: deadline)
    return Outcome(exitCode: try wait(pid, until: deadline), output: LogTail.clean(output[...]))
  }

  private func spawn(_ descriptors: [Int32]) throws(LocalError) -> Int32 {
    var options = SpawnOptions(
      command: path, arguments: arguments, environment: ["PATH=/usr/sbin:/usr/bin", "LANG=C"],
      workingDirectory: "/", descriptors: descriptors)
    options.user = user.map { (uid: $0, gid: $0) }
    options.cgroups = cgroups
    place?.apply(to: &options)
    do {
      return try withExtendedLifetime(place) { () throws(SpawnError) in try options.spawn() }
    } catch {
      throw .program("\(path): \(error)")
    }
  }

  /// Reads to the end, keeps the beginning.
  private static func collect(_ pipe: borrowing OwnedDescriptor, until deadline: Deadline)
    -> [UInt8]
  {
    var kept: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while deadline.waitForReadable(pipe.raw) {
      let count = read(pipe.raw, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      kept.append(contentsOf: chunk[..<min(count, LocalLimits.logTailBytes - kept.count)])
    }
    return kept
  }

  private func wait(_ pid: Int32, until deadline: Deadline) throws(LocalError) -> Int32 {
    let raw = xgen_pidfd_open(pid)
    if raw < 0 { throw .system("pidfd of \(path)", UVError(raw)) }
    let pidfd = OwnedDescriptor(raw)
    let isInTime = deadline.waitForReadable(pidfd.raw)
    if !isInTime {
      _ = xgen_pidfd_send_signal(pidfd.raw, SIGKILL)
      _ = Deadline(afterMs: LocalLimits.killTimeoutMs).waitForReadable(pidfd.raw)
    }
    var exitCode: Int32 = -1
    _ = xgen_reap(pid, &exitCode)
    if !isInTime { throw .program("\(path) did not end in time") }
    return exitCode
  }
}
