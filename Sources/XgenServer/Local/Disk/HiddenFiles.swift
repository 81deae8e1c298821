internal import Glibc

/// Adds up files that have no name any more but are held open by processes of a sandbox: no walk
/// comes across them, and they take the disk all the same.
final class HiddenFiles {
  private let device: UInt64
  private var pids: [Int32]
  /// What is left of the present process's descriptors.
  private var paths: [String] = []
  private var seen: Set<UInt64> = []
  private(set) var bytes: Int64 = 0

  init(of pids: [Int32], device: UInt64) {
    self.pids = pids
    self.device = device
  }

  /// Goes on until it is done, which is true, or `isTimeUp`, asked for every descriptor. Blocks.
  func resume(_ isTimeUp: () -> Bool) -> Bool {
    while true {
      if isTimeUp() { return false }
      if let path = paths.popLast() {
        look(path)
      } else if let pid = pids.popLast() {
        let folder = "/proc/\(pid)/fd"
        paths = HostFiles.names(in: folder).map { folder + "/" + $0 }
      } else {
        return true
      }
    }
  }

  /// Through the link, which is no path but the open file itself (proc_pid_fd(5)).
  private func look(_ path: String) {
    var info = stat()
    guard stat(path, &info) == 0, info.st_nlink == 0, info.st_mode & S_IFMT == S_IFREG,
      UInt64(info.st_dev) == device
    else { return }
    // Beyond so many, one that is held open twice counts twice.
    if seen.count < LocalLimits.maxHiddenFiles, !seen.insert(UInt64(info.st_ino)).inserted {
      return
    }
    bytes += Int64(info.st_blocks) * 512
  }
}
