internal import Glibc
internal import Reactor

/// Names the sidecars' sockets for bind(2) and connect(2), whose paths have at most 107 bytes.
///
/// In a deep data folder a socket is reached through `/proc/self/fd/N/`, N being the open folder.
final class SidecarSockets: Sendable {
  private let directory: DataDirectory
  private let folder: OwnedDescriptor

  init(_ directory: DataDirectory) throws(LocalError) {
    self.directory = directory
    folder = try OwnedDescriptor.open(directory.run, openPathOnly | O_DIRECTORY)
  }

  func address(_ id: String) -> SocketAddress {
    let path = directory.socket(id)
    if path.utf8.count < SocketAddress.maxPathBytes { return .unix(path: path) }
    return .unix(path: "/proc/self/fd/\(folder.raw)/\(directory.socketName(id))")
  }

  /// A listening descriptor for the sidecar. It listens before the sandbox starts, so that nobody
  /// has to wait for the sidecar in order to connect. Blocks.
  func listen(_ id: String) throws(LocalError) -> OwnedDescriptor {
    unlink(directory.socket(id))
    do {
      return OwnedDescriptor(try SocketListener.bindAndListen(address(id)))
    } catch {
      throw .system("bind \(directory.socket(id))", error)
    }
  }
}

/// O_PATH (fcntl.h), which needs _GNU_SOURCE.
private let openPathOnly: Int32 = 0o10000000
