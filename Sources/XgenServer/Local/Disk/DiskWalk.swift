internal import Glibc

/// Adds up what a sandbox's home takes on the disk, in slices that end when the caller says so.
///
/// The tree is hostile: millions of files, folders nested without end, links, everything moved and
/// removed meanwhile. The walk holds one open folder for each of the first levels; below them only
/// the present one, and comes back up through `..`, which must be the folder that it went down
/// from. It follows no link and stays on the home's device.
final class DiskWalk {
  enum Outcome: Equatable {
    case unfinished
    /// All of it, or as much as is over the limit.
    case bytes(Int64)
    /// Folders were moved under the walk's feet.
    case lost
    case tooDeep
  }

  /// A folder that the walk went down from.
  private struct Level {
    /// Still open; nil below the first levels.
    let stream: OpaquePointer?
    let inode: UInt64
    /// Where to read on, if it has to be opened again.
    let offset: Int
  }

  private let limitBytes: Int64
  private let device: UInt64
  private var stream: OpaquePointer?
  private var inode: UInt64
  private var levels: [Level] = []
  /// Comes first; nil once it is counted.
  private var hidden: HiddenFiles?
  private var bytes: Int64 = 0

  /// Folders between the home and where the walk is.
  var depth: Int { levels.count }

  /// Opens the home. What `pids` hold open without a name counts, too. Blocks. Nil if it is gone.
  init?(home: String, pids: [Int32] = [], limitBytes: Int64) {
    guard let (stream, info) = Self.open(AT_FDCWD, home) else { return nil }
    self.stream = stream
    self.limitBytes = limitBytes
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
    hidden = HiddenFiles(of: pids, device: device)
  }

  deinit {
    if let stream { closedir(stream) }
    for level in levels { if let stream = level.stream { closedir(stream) } }
  }

  /// Goes on until it is done or `isTimeUp`, which is asked for every entry. Blocks.
  func resume(_ isTimeUp: () -> Bool) -> Outcome {
    if let hidden {
      guard hidden.resume(isTimeUp) else { return .unfinished }
      bytes += hidden.bytes
      self.hidden = nil
      if bytes > limitBytes { return .bytes(bytes) }
    }
    while let stream {
      if isTimeUp() { return .unfinished }
      if let entry = readdir(stream) {
        if let outcome = visit(entry, stream) { return outcome }
      } else if levels.isEmpty {
        return .bytes(bytes)
      } else if !ascend() {
        return .lost
      }
    }
    return .lost
  }

  // MARK: One entry

  private func visit(
    _ entry: UnsafeMutablePointer<dirent>, _ stream: OpaquePointer
  ) -> Outcome? {
    let name = UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
      .assumingMemoryBound(to: CChar.self)
    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return nil }
    var info = stat()
    guard fstatat(dirfd(stream), name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    bytes += Self.charge(info)
    if bytes > limitBytes { return .bytes(bytes) }
    guard info.st_mode & S_IFMT == S_IFDIR, UInt64(info.st_dev) == device else { return nil }
    return descend(name, from: stream, offset: Int(entry.pointee.d_off))
  }

  /// What one name counts: its share of the file's blocks, since all of a file's names are in the
  /// home; and no less than `minEntryBytes`, for an inode and a name are not free either, which
  /// also bounds how many there can be.
  static func charge(_ info: stat) -> Int64 {
    let isFolder = info.st_mode & S_IFMT == S_IFDIR
    let names = isFolder ? 1 : max(1, Int64(clamping: info.st_nlink))
    return max(Int64(info.st_blocks) * 512 / names, LocalLimits.minEntryBytes)
  }

  // MARK: Down and up

  private func descend(
    _ name: UnsafePointer<CChar>, from parent: OpaquePointer, offset: Int
  ) -> Outcome? {
    if levels.count >= LocalLimits.maxDiskDepth { return .tooDeep }
    guard let (child, info) = Self.open(dirfd(parent), name) else { return nil }
    let isKept = levels.count < LocalLimits.openDiskLevels
    levels.append(Level(stream: isKept ? parent : nil, inode: inode, offset: offset))
    if !isKept { closedir(parent) }
    stream = child
    inode = UInt64(info.st_ino)
    return nil
  }

  /// False if the folder above is not the one that we came from.
  private func ascend() -> Bool {
    guard let level = levels.popLast(), let child = stream else { return false }
    stream = level.stream ?? Self.reopen(level, from: child, device)
    inode = level.inode
    closedir(child)
    return stream != nil
  }

  private static func reopen(
    _ level: Level, from child: OpaquePointer, _ device: UInt64
  ) -> OpaquePointer? {
    guard let (parent, info) = open(dirfd(child), "..") else { return nil }
    guard UInt64(info.st_ino) == level.inode, UInt64(info.st_dev) == device else {
      closedir(parent)
      return nil
    }
    seekdir(parent, level.offset)
    return parent
  }

  private static func open(
    _ folder: Int32, _ name: UnsafePointer<CChar>
  ) -> (OpaquePointer, stat)? {
    let raw = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if raw < 0 { return nil }
    var info = stat()
    guard fstat(raw, &info) == 0, let stream = fdopendir(raw) else {
      close(raw)
      return nil
    }
    return (stream, info)
  }
}
