import CLinux
import Glibc
import Reactor
import XgenProtocol

/// The workspace folder, and the one door to what lies in it.
///
/// Paths are resolved by the kernel beneath the folder's descriptor (openat2, RESOLVE_BENEATH), so
/// that neither `..` nor a symbolic link leads out, however others move things meanwhile. Every
/// method blocks: for a worker.
final class Workspace: Sendable {
  /// As configured: where commands start.
  let path: String
  /// As the kernel names it, without symbolic links.
  private let canonicalPath: String
  let descriptor: Int32

  /// Opens the folder; makes it and its parents if they are missing.
  init(creating path: String) throws(UVError) {
    self.path = path
    Self.makeFolders(path)
    let opened = Glibc.open(path, OpenFlag.pathOnly | O_DIRECTORY | O_CLOEXEC)
    if opened < 0 { throw UVError(-errno) }
    descriptor = opened
    canonicalPath = Self.name(of: opened) ?? path
  }

  deinit { Glibc.close(descriptor) }

  private static func makeFolders(_ path: String) {
    var prefix = ""
    for component in path.split(separator: "/") {
      prefix += "/" + component
      mkdir(prefix, 0o755)
    }
  }

  /// Opens a path as `WorkspacePath.relative` returns it; empty for the workspace.
  func open(
    _ path: String, _ flags: Int32, mode: UInt32 = 0
  ) throws(RequestFailure) -> FileDescriptor {
    var status = openBeneath(path, flags, mode)
    if status == -EXDEV, let inside = pathInside(path) {
      status = openBeneath(inside, flags, mode)
    }
    do throws(UVError) { return try FileDescriptor(status) } catch {
      throw RequestFailure(error, at: path)
    }
  }

  private func openBeneath(_ path: String, _ flags: Int32, _ mode: UInt32) -> Int32 {
    while true {
      let status = xgen_open_beneath(descriptor, path.isEmpty ? "." : path, flags, mode)
      // EAGAIN: something was renamed while the kernel looked.
      if status != -EAGAIN && status != -EINTR { return status }
    }
  }

  /// RESOLVE_BENEATH refuses every absolute link, also one that points back into the workspace.
  /// Where the plain way ends inside, its name without links is safe to be resolved again.
  private func pathInside(_ path: String) -> String? {
    let plain = openat(descriptor, path, OpenFlag.pathOnly | O_CLOEXEC)
    if plain < 0 { return nil }
    defer { Glibc.close(plain) }
    return relativeName(of: plain)
  }

  /// The path beneath the workspace of something open; nil if it lies elsewhere.
  func relativeName(of descriptor: Int32) -> String? {
    guard let name = Self.name(of: descriptor) else { return nil }
    if name == canonicalPath { return "" }
    let prefix = canonicalPath == "/" ? "/" : canonicalPath + "/"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  private static func name(of descriptor: Int32) -> String? {
    withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { room in
      let count = readlink(
        "/proc/self/fd/\(descriptor)", room.assumingMemoryBound(to: CChar.self).baseAddress!,
        room.count)
      return count > 0 ? String(decoding: room[..<count], as: UTF8.self) : nil
    }
  }
}

extension Workspace {
  /// A folder and a name in it.
  struct Place: ~Copyable {
    let folder: FileDescriptor
    let name: String
    /// Folders that were made for it, outermost first, by their paths.
    let madeFolders: [String]
  }

  /// The folder that holds a path, and the path's last component. The workspace itself has none.
  func place(
    of path: String, creatingFolders: Bool = false
  ) throws(RequestFailure) -> Place {
    guard !path.isEmpty else { throw RequestFailure(.fsError, "this is the workspace itself") }
    let components = path.split(separator: "/")
    let parents = components.dropLast()
    let made = creatingFolders ? try makeFolders(parents) : []
    let folder = try open(parents.joined(separator: "/"), OpenFlag.pathOnly | O_DIRECTORY)
    return Place(
      folder: folder, name: String(components[components.count - 1]), madeFolders: made)
  }

  /// Returns those that were not there.
  private func makeFolders(
    _ components: ArraySlice<Substring>
  ) throws(RequestFailure) -> [String] {
    let whole = components.joined(separator: "/")
    let status = openBeneath(whole, OpenFlag.pathOnly | O_DIRECTORY, 0)
    if status >= 0 { Glibc.close(status) }
    // EXDEV: perhaps an absolute link back inside, on the way to what is missing.
    if status != -ENOENT && status != -EXDEV { return [] }
    var made: [String] = []
    var folder = try open("", OpenFlag.pathOnly | O_DIRECTORY)
    for end in components.indices {
      let prefix = components[components.startIndex...end].joined(separator: "/")
      // EEXIST is as good.
      if mkdirat(folder.number, String(components[end]), 0o755) == 0 { made.append(prefix) }
      folder = try open(prefix, OpenFlag.pathOnly | O_DIRECTORY)
    }
    return made
  }

  /// Takes back folders that were made for a place, as far as they are empty.
  func removeMade(_ folders: [String]) {
    for path in folders.reversed() {
      do throws(RequestFailure) {
        let place = try place(of: path)
        if unlinkat(place.folder.number, place.name, AT_REMOVEDIR) < 0 { return }
      } catch {
        return
      }
    }
  }
}

enum OpenFlag {
  /// O_PATH, which Glibc shows to GNU programs only: a place in the tree, not its content.
  static let pathOnly: Int32 = 0o10_000_000
}

extension RequestFailure {
  /// A failed file system call on a client's path.
  init(_ error: UVError, at path: String) {
    let name = path.isEmpty ? "." : path
    switch error.code {
    case -ENOENT: self.init(.notFound, "\(name): no such file or directory")
    case -EXDEV: self.init(.pathEscapesWorkspace, "\(name): leaves the workspace")
    default: self.init(.fsError, "\(name): \(error)")
    }
  }

  /// The calling thread's errno.
  static func last(_ path: String) -> RequestFailure { RequestFailure(UVError(-errno), at: path) }
}
