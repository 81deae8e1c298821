internal import CLinux
internal import Glibc
internal import Reactor

/// A file descriptor with one owner, closed when that owner lets go of it.
struct OwnedDescriptor: ~Copyable, Sendable {
  let raw: Int32

  init(_ raw: Int32) { self.raw = raw }

  deinit { close(raw) }

  /// Opens a path, close-on-exec.
  static func open(
    _ path: String, _ flags: Int32, mode: mode_t = 0
  ) throws(LocalError) -> OwnedDescriptor {
    OwnedDescriptor(
      try attempt("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// A nameless file in memory that holds `bytes`, to be read from its start.
  static func memory(_ name: String, _ bytes: [UInt8]) throws(LocalError) -> OwnedDescriptor {
    let raw = bytes.withUnsafeBytes { xgen_memfd_of(name, $0.baseAddress, $0.count) }
    if raw < 0 { throw .system("memfd", UVError(raw)) }
    return OwnedDescriptor(raw)
  }

  /// Both ends of a pipe, close-on-exec: what is written to the second is read from the first.
  static func pipe() throws(LocalError) -> (read: Int32, write: Int32) {
    var ends: (read: Int32, write: Int32) = (-1, -1)
    let status = xgen_pipe(&ends.read, &ends.write)
    if status < 0 { throw .system("pipe", UVError(status)) }
    return ends
  }

  /// Writes all of `bytes`; `name` is for the error's text.
  func write(_ bytes: [UInt8], _ name: String) throws(LocalError) {
    var done = 0
    while done < bytes.count {
      done += try attempt("write \(name)") {
        bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress! + done, $0.count - done) }
      }
    }
  }

  /// Reads to the end, at most `limit` bytes; more is an error.
  func readAll(limit: Int, _ name: String) throws(LocalError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(64 << 10, limit + 1))
    while true {
      let count = try attempt("read \(name)") {
        chunk.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress, $0.count) }
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      if bytes.count > limit { throw .malformed("\(name) is longer than \(limit) bytes") }
    }
  }

  func sync(_ name: String) throws(LocalError) {
    try attempt("fsync \(name)") { fsync(raw) }
  }
}
