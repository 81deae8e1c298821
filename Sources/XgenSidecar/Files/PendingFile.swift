import CLinux
import Glibc
import Reactor
import XgenProtocol

/// Names of files that are being written; watches don't report them.
enum TemporaryName {
  static let prefix = ".xgen-write-"

  /// Random: nobody takes it before us, and what a killed sidecar has left is not met again.
  static func next() -> String {
    prefix + String(UInt64.random(in: 0 ... .max), radix: 36)
  }
}

/// A file that is being written. Readers see the old content or the new, never a part: it has
/// another name in the same folder until it is whole. Either `commit` or `discard` ends it.
///
/// Every method blocks: for a worker, one call at a time.
final class PendingFile: Sendable {
  private let workspace: Workspace
  private let folder: FileDescriptor
  private let madeFolders: [String]
  private let file: FileDescriptor
  private let temporary = TemporaryName.next()
  private let name: String
  private let path: String
  private let mode: UInt32
  /// The state of what had the place when this began; nil for nothing.
  let replaces: HTTPEntityTag?

  init(
    _ workspace: Workspace, _ place: consuming Workspace.Place, _ path: String, _ mode: UInt32,
    replaces: HTTPEntityTag?
  ) throws(RequestFailure) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let opened = openat(place.folder.number, temporary, flags, 0o600)
    if opened < 0 { throw .last(path) }
    do throws(UVError) { file = try FileDescriptor(opened) } catch {
      throw RequestFailure(error, at: path)
    }
    self.workspace = workspace
    name = place.name
    madeFolders = place.madeFolders
    folder = place.release()
    self.path = path
    self.mode = mode
    self.replaces = replaces
  }

  /// Appends.
  func write(_ bytes: [UInt8]) throws(RequestFailure) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file.number, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .noRoom(path) ?? .last(path) }
      written += count
    }
  }

  enum Commit: Sendable, Equatable {
    case made(HTTPEntityTag)
    case replaced(HTTPEntityTag)
    /// What has the place now is not what was to be replaced.
    case unwanted
  }

  /// Gives the file its mode and its place, unless `accepts` refuses what has the place now (nil:
  /// nothing, and then nothing that comes meanwhile is replaced unasked).
  func commit(
    where accepts: (HTTPEntityTag?) -> Bool = { _ in true }
  ) throws(RequestFailure) -> Commit {
    guard workspace.relativeName(of: folder.number) != nil else {
      throw RequestFailure(.pathEscapesWorkspace, "\(path): its folder was moved away")
    }
    var status = stat()
    if fchmod(file.number, mode) < 0 || fstat(file.number, &status) < 0 { throw .last(path) }
    let tag = HTTPEntityTag(status)
    var existing = HTTPEntityTag(of: name, in: folder.number)
    if existing == nil && accepts(nil) {
      if try takeFreePlace() { return .made(tag) }
      existing = HTTPEntityTag(of: name, in: folder.number)
    }
    guard accepts(existing) else { return .unwanted }
    if renameat(folder.number, temporary, folder.number, name) < 0 { throw .last(path) }
    return existing == nil ? .made(tag) : .replaced(tag)
  }

  /// False if something has the name, or this file system can't tell.
  private func takeFreePlace() throws(RequestFailure) -> Bool {
    switch xgen_rename_new(folder.number, temporary, name) {
    case 0: return true
    case -EEXIST, -EINVAL, -ENOSYS: return false
    case let status: throw RequestFailure(UVError(status), at: path)
    }
  }

  /// Removes it and the folders that were made for it. The blocks go at once, not when the
  /// descriptor is closed, which happens on the loop.
  func discard() {
    unlinkat(folder.number, temporary, 0)
    ftruncate(file.number, 0)
    workspace.removeMade(madeFolders)
  }
}

extension Workspace.Place {
  /// Hands the folder over.
  fileprivate consuming func release() -> FileDescriptor { folder }
}

extension RequestFailure {
  /// For a write that failed because the disk, the quota or the file's limit is used up; nil for
  /// another reason.
  fileprivate static func noRoom(_ path: String) -> RequestFailure? {
    let error = UVError(-errno)
    guard [ENOSPC, EDQUOT, EFBIG].contains(-error.code) else { return nil }
    return RequestFailure(.tooLarge, "\(path): \(error)")
  }
}
