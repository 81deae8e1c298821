import Glibc
import XgenProtocol

extension Workspace {
  /// What lies in a folder, by name; links are described, not followed.
  func list(_ path: String, atMost limit: Int) throws(RequestFailure) -> [FsEntry] {
    let folder = try open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
    let names = try Self.names(in: folder.number, path, atMost: limit)
    return names.compactMap { Self.entry($0, in: folder.number) }
  }

  /// Sorted by their bytes.
  private static func names(
    in folder: Int32, _ path: String, atMost limit: Int
  ) throws(RequestFailure) -> [String] {
    guard let stream = DirectoryStream(folder) else { throw .last(path) }
    defer { stream.close() }
    var names: [String] = []
    while let name = stream.next() {
      if names.count == limit {
        throw RequestFailure(.limitReached, "\(path): over \(limit) entries")
      }
      names.append(name)
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Nil for what has gone meanwhile.
  private static func entry(_ name: String, in folder: Int32) -> FsEntry? {
    var status = stat()
    if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 { return nil }
    return FsEntry(
      name: name, size: UInt64(max(status.st_size, 0)),
      isDirectory: status.st_mode & S_IFMT == S_IFDIR, modifiedAt: Int64(status.st_mtim.tv_sec))
  }
}

/// The names in an open folder, `.` and `..` left out.
struct DirectoryStream {
  private let stream: OpaquePointer

  /// Reads through a descriptor of its own; nil with errno set.
  init?(_ folder: Int32) {
    let own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if own < 0 { return nil }
    guard let stream = fdopendir(own) else {
      Glibc.close(own)
      return nil
    }
    self.stream = stream
  }

  func next() -> String? {
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { return name }
    }
    return nil
  }

  func close() { closedir(stream) }
}
