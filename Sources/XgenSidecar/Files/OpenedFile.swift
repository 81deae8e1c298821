import Glibc
import Reactor
import XgenProtocol

/// A regular file that is open for reading, and what it was like when it was opened.
final class OpenedFile: Sendable {
  private let file: FileDescriptor
  let size: UInt64
  let tag: HTTPEntityTag
  /// Unix seconds.
  let modifiedAt: Int

  fileprivate init(_ file: consuming FileDescriptor, _ status: stat) {
    self.file = file
    size = UInt64(max(status.st_size, 0))
    tag = HTTPEntityTag(status)
    modifiedAt = status.st_mtim.tv_sec
  }

  var number: Int32 { file.number }

  /// A piece from an offset on; a short one shows the file's end. Blocks: for a worker.
  func piece(at offset: UInt64, byteCount: Int) throws(UVError) -> [UInt8] {
    var failure: UVError?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { room, count in
      while count < byteCount {
        let got = pread(
          file.number, room.baseAddress! + count, byteCount - count, off_t(offset) + off_t(count))
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failure = UVError(-errno) }
        if got <= 0 { return }
        count += got
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

extension Workspace {
  /// Opens a regular file. Devices, FIFOs and sockets are refused, not waited for.
  func openFile(_ path: String) throws(RequestFailure) -> OpenedFile {
    let file = try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    var status = stat()
    if fstat(file.number, &status) < 0 { throw .last(path) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return OpenedFile(file, status)
    case S_IFDIR: throw RequestFailure(.fsError, "\(path): is a directory")
    default: throw RequestFailure(.fsError, "\(path): not a regular file")
    }
  }

  /// The state of what has that name, a link's own where it is one; nil if nothing has it.
  func tag(of path: String) throws(RequestFailure) -> HTTPEntityTag? {
    let place = try place(of: path)
    return HTTPEntityTag(of: place.name, in: place.folder.number)
  }
}

extension HTTPEntityTag {
  /// Changes whenever a file is written to or replaced, as far as the file system's clock can
  /// tell two writes apart.
  init(_ status: stat) {
    let parts = [
      UInt64(status.st_ino), UInt64(bitPattern: Int64(status.st_size)),
      UInt64(bitPattern: Int64(status.st_mtim.tv_sec)), UInt64(status.st_mtim.tv_nsec),
    ]
    self.init(strong: parts.map { String($0, radix: 16) }.joined(separator: "-"))
  }

  /// Nil if nothing has that name.
  init?(of name: String, in folder: Int32) {
    var status = stat()
    if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 { return nil }
    self.init(status)
  }
}
