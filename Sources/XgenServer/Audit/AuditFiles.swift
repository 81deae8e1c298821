internal import Glibc
internal import Reactor

/// The audit log's files: `audit.jsonl`, which grows, and `audit.jsonl.1` (the newest) to `.4`,
/// which were set aside. Every call blocks: workers only, and one writer at a time.
///
/// A file is opened for each batch, so that a log which another program has moved away (logrotate)
/// is begun anew by itself.
struct AuditFiles: Sendable, Equatable {
  let path: String
  /// Of one file, before it is set aside.
  var maxBytes = AuditLimits.defaultFileBytes

  /// From the one that is written to, to the oldest; they need not be there.
  var paths: [String] { [path] + (1..<AuditLimits.maxFiles).map { "\(path).\($0)" } }

  /// Makes the file where it is missing.
  func touch() throws(LocalError) { _ = try open() }

  /// Adds whole lines. After a failure the file is as it was.
  func append(_ lines: [UInt8]) throws(LocalError) {
    try setAsideIfFull(adding: lines.count)
    let file = try open()
    let size = try attempt("seek in \(path)") { lseek(file.raw, 0, SEEK_END) }
    do throws(LocalError) {
      // What a crash or a full disk has torn stays a line of its own.
      if try isTorn(file.raw, size) { try file.write([0x0A], path) }
      try file.write(lines, path)
    } catch {
      ftruncate(file.raw, size)
      throw error
    }
  }

  private func open() throws(LocalError) -> OwnedDescriptor {
    // Not blocked by a fifo, which is refused.
    let flags = O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK
    let file = try OwnedDescriptor.open(path, flags, mode: 0o600)
    var info = stat()
    try attempt("stat \(path)") { fstat(file.raw, &info) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw .program("\(path) is not a regular file")
    }
    return file
  }

  private func isTorn(_ descriptor: Int32, _ size: off_t) throws(LocalError) -> Bool {
    if size == 0 { return false }
    var last: UInt8 = 0
    try attempt("read \(path)") { pread(descriptor, &last, 1, size - 1) }
    return last != 0x0A
  }

  private func setAsideIfFull(adding count: Int) throws(LocalError) {
    var info = stat()
    guard stat(path, &info) == 0, info.st_size > 0, Int(info.st_size) + count > maxBytes
    else { return }
    let paths = paths
    for number in (0..<paths.count - 1).reversed() {
      if rename(paths[number], paths[number + 1]) != 0 && errno != ENOENT {
        throw .last("rename \(paths[number])")
      }
    }
  }
}
