internal import Glibc
internal import Reactor

/// The few file operations that the backend needs, each of which blocks: workers only.
enum HostFiles {
  /// Makes one folder, or takes an existing one, and gives it exactly this mode.
  static func makeFolder(_ path: String, mode: mode_t) throws(LocalError) {
    if mkdir(path, mode) != 0 && errno != EEXIST { throw .last("mkdir \(path)") }
    try attempt("chmod \(path)") { chmod(path, mode) }  // the umask took bits off mkdir's
  }

  /// Makes a folder's missing parents, as any other program would.
  static func makeParents(of path: String) throws(LocalError) {
    var parents: [Substring] = []
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
      rest = rest[..<slash]
      parents.append(rest)
    }
    for parent in parents.reversed() {
      if mkdir(String(parent), 0o755) != 0 && errno != EEXIST { throw .last("mkdir \(parent)") }
    }
  }

  static func read(_ path: String, limit: Int) throws(LocalError) -> [UInt8] {
    try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: limit, path)
  }

  /// Replaces a file at once: a reader sees the old content or the new, never a part.
  static func replace(
    _ path: String, _ bytes: [UInt8], mode: mode_t, durable: Bool
  ) throws(LocalError) {
    let temporary = path + ".new"
    unlink(temporary)
    let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try attempt("chmod \(temporary)") { fchmod(file.raw, mode) }
    try file.write(bytes, temporary)
    if durable { try file.sync(temporary) }
    try attempt("rename \(temporary)") { rename(temporary, path) }
  }

  /// The names in a folder, without `.` and `..`; none if there is no such folder.
  static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  static func remove(_ path: String) { unlink(path) }

  static func exists(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0
  }

  /// The path with every symbolic link followed; nil if something on it is missing.
  static func resolved(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  static func linkTarget(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { buffer in
      let count = readlink(path, buffer.baseAddress!, buffer.count)
      return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
  }

  static func isFolder(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether users other than the owner and its group may pass through a folder.
  static func isPassable(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & 0o001 != 0
  }
}
