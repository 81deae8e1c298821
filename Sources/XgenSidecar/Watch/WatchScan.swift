import Glibc
import Reactor
import XgenProtocol

/// Puts a tree under watch: inotify knows single folders only. It blocks: for a worker.
struct WatchScan: Sendable {
  struct Directory: Sendable, Equatable {
    let watch: Int32
    let path: String
  }

  struct Found: Sendable {
    /// Without links: what the events' paths begin with.
    var path: String
    var isDirectory: Bool
    var directories: [Directory] = []
    /// What lies in them, for a folder that has just appeared: some of it was there before the
    /// watch, and no event will tell.
    var entries: [String] = []
  }

  let workspace: Workspace
  let inotify: Int32
  let maxDirectories: Int

  /// The folder and all below it; for a file, the folder that holds it.
  func watch(_ path: String) throws(RequestFailure) -> Found {
    let target = try workspace.open(path, OpenFlag.pathOnly)
    var status = stat()
    if fstat(target.number, &status) < 0 { throw .last(path) }
    guard let name = workspace.relativeName(of: target.number) else {
      throw RequestFailure(.pathEscapesWorkspace, "\(path): leaves the workspace")
    }
    if status.st_mode & S_IFMT == S_IFDIR { return try watchTree(name) }
    let folder = Self.parent(of: name)
    let watched = try add(try workspace.open(folder, O_RDONLY | O_DIRECTORY), folder)
    let directory = Directory(watch: watched, path: folder)
    return Found(path: name, isDirectory: false, directories: [directory])
  }

  static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }

  static func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder + "/" + name
  }

  /// Each folder is watched before it is read, so that nothing falls between.
  func watchTree(_ root: String) throws(RequestFailure) -> Found {
    var found = Found(path: root, isDirectory: true)
    var waiting = [root]
    while let path = waiting.popLast() {
      do throws(RequestFailure) {
        let folder = try workspace.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        found.directories.append(Directory(watch: try add(copy(folder.number), path), path: path))
        try look(in: folder.number, path, &found, &waiting)
      } catch {
        // Below the root, folders may go, and some are closed to us.
        if path == root || error.code == .limitReached || error.code == .watchError { throw error }
      }
    }
    return found
  }

  private func copy(_ descriptor: Int32) throws(RequestFailure) -> FileDescriptor {
    let again = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    do throws(UVError) { return try FileDescriptor(again < 0 ? -errno : again) } catch {
      throw RequestFailure(error, at: "")
    }
  }

  private func look(
    in folder: Int32, _ path: String, _ found: inout Found, _ waiting: inout [String]
  ) throws(RequestFailure) {
    guard found.directories.count + waiting.count <= maxDirectories else { throw tooMany }
    guard let stream = DirectoryStream(folder) else { throw .last(path) }
    defer { stream.close() }
    while let name = stream.next() {
      if name.hasPrefix(TemporaryName.prefix) { continue }
      let inner = Self.join(path, name)
      if found.entries.count < 8 * maxDirectories { found.entries.append(inner) }
      var status = stat()
      let isThere = fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
      if isThere && status.st_mode & S_IFMT == S_IFDIR { waiting.append(inner) }
    }
  }

  private var tooMany: RequestFailure {
    RequestFailure(.limitReached, "over \(maxDirectories) folders to watch")
  }

  /// By its descriptor, so that no path is resolved twice.
  private func add(
    _ folder: consuming FileDescriptor, _ path: String
  ) throws(RequestFailure) -> Int32 {
    let watched = inotify_add_watch(inotify, "/proc/self/fd/\(folder.number)", Inotify.mask)
    if watched >= 0 { return watched }
    if errno == ENOSPC { throw RequestFailure(.watchError, "the kernel's limit of watches") }
    throw RequestFailure(.watchError, "\(path): \(UVError(-errno))")
  }
}
