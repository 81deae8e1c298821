internal import Glibc
internal import Reactor

/// Keys and secrets that the server makes for itself, kept in the data folder with mode 0600.
/// Used before the loop runs: it blocks.
enum Secrets {
  /// Reads the file's one line, or makes it from 32 random bytes. Concurrent starts agree: the
  /// file appears whole (temporary name + link).
  static func load(_ path: String) throws(SettingError) -> String {
    for _ in 0..<2 {
      if let text = try read(path) {
        if !text.isEmpty { return text }
        throw SettingError(name: path, problem: "is empty; remove it to have a new one made")
      }
      try make(path, Base64URL.encode(SystemRandom.bytes(32)))
    }
    throw SettingError(name: path, problem: "is removed while it is made")
  }

  /// Nil if there is no such file.
  static func read(_ path: String, maxBytes: Int = 64 * 1024) throws(SettingError) -> String? {
    guard let bytes = try readBytes(path, maxBytes: maxBytes) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return String(text.prefix { !$0.isNewline })
  }

  static func readBytes(_ path: String, maxBytes: Int) throws(SettingError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw SettingError(name: path, problem: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
      }
      if got < 0 { throw SettingError(name: path, problem: String(cString: strerror(errno))) }
      if got == 0 { break }
      count += got
    }
    if count > maxBytes { throw SettingError(name: path, problem: "is over \(maxBytes) bytes") }
    return Array(bytes[..<count])
  }

  private static func make(_ path: String, _ text: String) throws(SettingError) {
    // Not named by the pid: two containers that share the folder may both be process 1.
    let temporary = "\(path).\(Base64URL.encode(SystemRandom.bytes(9)))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw failure(path) }
    let line = Array((text + "\n").utf8)
    let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let isSynced = fsync(descriptor) == 0
    close(descriptor)
    defer { unlink(temporary) }
    if written != line.count || !isSynced { throw failure(path) }
    if link(temporary, path) < 0 && errno != EEXIST { throw failure(path) }
  }

  private static func failure(_ path: String) -> SettingError {
    SettingError(name: path, problem: "can't be written: \(String(cString: strerror(errno)))")
  }
}
