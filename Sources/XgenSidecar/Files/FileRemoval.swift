import Glibc
import XgenProtocol

extension Workspace {
  /// Removes a file, a link (not what it leads to), an empty folder, or a whole tree.
  func remove(_ path: String, recursive: Bool) throws(RequestFailure) {
    let place = try place(of: path)
    let folder = place.folder.number
    if unlinkat(folder, place.name, 0) == 0 { return }
    guard errno == EISDIR || errno == EPERM else { throw .last(path) }
    if recursive { try TreeRemoval.removeContents(of: place.name, in: folder, path) }
    if unlinkat(folder, place.name, AT_REMOVEDIR) < 0 { throw .last(path) }
  }
}

/// Empties a folder without following links, however deep it is.
private struct TreeRemoval {
  /// Descriptors open at once. What lies deeper is moved to the top, and removed from there.
  private static let maxDepth = 32

  private let top: Int32
  private let path: String
  private var moved = 0

  static func removeContents(
    of name: String, in folder: Int32, _ path: String
  ) throws(RequestFailure) {
    let top = try open(name, in: folder, path)
    defer { close(top) }
    var removal = TreeRemoval(top: top, path: path)
    var movedBefore: Int
    repeat {
      movedBefore = removal.moved
      try removal.empty(top, depth: 1)
    } while removal.moved > movedBefore
  }

  private init(top: Int32, path: String) {
    self.top = top
    self.path = path
  }

  private static func open(
    _ name: String, in folder: Int32, _ path: String
  ) throws(RequestFailure) -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let opened = openat(folder, name, flags)
    if opened < 0 { throw .last(path) }
    return opened
  }

  private mutating func empty(_ folder: Int32, depth: Int) throws(RequestFailure) {
    guard let stream = DirectoryStream(folder) else { throw .last(path) }
    defer { stream.close() }
    while let name = stream.next() { try remove(name, in: folder, depth: depth) }
  }

  private mutating func remove(
    _ name: String, in folder: Int32, depth: Int
  ) throws(RequestFailure) {
    if unlinkat(folder, name, 0) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw .last(path) }
    if depth == Self.maxDepth { return try moveToTop(name, in: folder) }
    let inner = try Self.open(name, in: folder, path)
    defer { close(inner) }
    try empty(inner, depth: depth + 1)
    if unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT { throw .last(path) }
  }

  private mutating func moveToTop(_ name: String, in folder: Int32) throws(RequestFailure) {
    moved += 1
    let place = "\(TemporaryName.prefix)deep-\(getpid())-\(moved)"
    if renameat(folder, name, top, place) < 0 { throw .last(path) }
  }
}
