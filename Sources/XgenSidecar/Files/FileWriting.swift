import Glibc
import Synchronization
import XgenProtocol

/// Names of files that are being written; watches don't report them.
enum TemporaryName {
  static let prefix = ".xgen-write-"
  private static let count = Atomic<UInt64>(0)

  static func next() -> String {
    "\(prefix)\(getpid())-\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}

extension Workspace {
  /// Replaces or makes a file, and the folders that it needs. Readers see the old content or the
  /// new, never a part: it is written under another name and renamed. Without a mode, an existing
  /// file keeps its own and a new one gets 0644.
  func write(
    _ content: [UInt8], to path: String, mode: UInt32?
  ) throws(RequestFailure) {
    let place = try place(of: path, creatingFolders: true)
    var existing = stat()
    let isThere = fstatat(place.folder.number, place.name, &existing, AT_SYMLINK_NOFOLLOW) == 0
    if !isThere {
      return try write(content, at: place, path, mode ?? 0o644)
    }
    switch existing.st_mode & S_IFMT {
    case S_IFREG: try write(content, at: place, path, mode ?? existing.st_mode & 0o7777)
    case S_IFLNK: try write(content, to: target(ofLink: path), mode: mode)
    case S_IFDIR: throw RequestFailure(.fsError, "\(path): is a directory")
    default: throw RequestFailure(.fsError, "\(path): not a regular file")
    }
  }

  /// What a link leads to, by a name without links.
  private func target(ofLink path: String) throws(RequestFailure) -> String {
    let target = try open(path, OpenFlag.pathOnly)
    guard let name = relativeName(of: target.number) else {
      throw RequestFailure(.pathEscapesWorkspace, "\(path): leaves the workspace")
    }
    return name
  }

  private func write(
    _ content: [UInt8], at place: borrowing Place, _ path: String, _ mode: UInt32
  ) throws(RequestFailure) {
    let folder = place.folder.number
    let temporary = TemporaryName.next()
    do throws(RequestFailure) {
      try fill(folder, temporary, content, path, mode)
      if renameat(folder, temporary, folder, place.name) < 0 { throw .last(path) }
    } catch {
      unlinkat(folder, temporary, 0)
      throw error
    }
  }

  private func fill(
    _ folder: Int32, _ name: String, _ content: [UInt8], _ path: String,
    _ mode: UInt32
  ) throws(RequestFailure) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = openat(folder, name, flags, 0o600)
    if file < 0 { throw .last(path) }
    defer { close(file) }
    var written = 0
    while written < content.count {
      let count = content.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .last(path) }
      written += count
    }
    if fchmod(file, mode) < 0 { throw .last(path) }
  }
}
