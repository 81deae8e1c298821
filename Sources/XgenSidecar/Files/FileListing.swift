import Glibc
import XgenProtocol

extension Workspace {
  /// What lies in a folder, or a part of it.
  struct Listing: Sendable {
    /// By name; links are described, not followed.
    let entries: [FsEntry]
    /// There is more than was asked for; which part of it this is, is the file system's choice.
    let isCut: Bool
  }

  func list(_ path: String, atMost limit: Int) throws(RequestFailure) -> Listing {
    let folder = try open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
    guard let stream = DirectoryStream(folder.number) else { throw .last(path) }
    defer { stream.close() }
    var names: [String] = []
    var isCut = false
    while !isCut, let name = stream.next() {
      isCut = names.count == limit
      if !isCut { names.append(name) }
    }
    names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return Listing(
      entries: names.compactMap { Self.entry($0, in: folder.number) }, isCut: isCut)
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
