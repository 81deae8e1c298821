import Glibc
import Reactor
import XgenProtocol

extension Workspace {
  /// Replaces or makes a file, and the folders that it needs.
  func write(
    _ content: [UInt8], to path: String, mode: UInt32?
  ) throws(RequestFailure) {
    let pending = try beginWriting(path, mode: mode)
    do throws(RequestFailure) {
      try pending.write(content)
      _ = try pending.commit()
    } catch {
      pending.discard()
      throw error
    }
  }

  /// Starts a file that will take that place, or the place that a link there leads to, and makes
  /// the folders that it needs. Without a mode, an existing file keeps its own and a new one gets
  /// 0644.
  func beginWriting(_ path: String, mode: UInt32?) throws(RequestFailure) -> PendingFile {
    let place = try place(of: path, creatingFolders: true)
    var existing = stat()
    if fstatat(place.folder.number, place.name, &existing, AT_SYMLINK_NOFOLLOW) < 0 {
      return try PendingFile(self, place, path, mode ?? 0o644, replaces: nil)
    }
    switch existing.st_mode & S_IFMT {
    case S_IFREG:
      let mode = mode ?? existing.st_mode & 0o7777
      return try PendingFile(self, place, path, mode, replaces: HTTPEntityTag(existing))
    case S_IFLNK: return try beginWriting(target(ofLink: path), mode: mode)
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
}
