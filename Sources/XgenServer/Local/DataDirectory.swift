internal import Glibc
internal import Reactor

/// The layout of the data folder, and where in it each thing lies.
///
/// ```
/// 0711 <data>/
/// 0600 ledger.jsonl              what outlives sandboxes (Ledger)
///      lock                      held by the one server that uses the folder
///      cgroups                   where its sandboxes' cgroups are or were (CgroupRegistry)
/// 0700 audit/                    the audit log, unless it goes elsewhere
/// 0711 bin/xgen-sidecar-<hash>   what runs as the first process of every sandbox
/// 0711 etc/                      what sandboxes see in their /etc
/// 0700 run/<id>.sock             sidecars' sockets, for the server alone
/// 0711 sandboxes/<id>/           home/ (0700, the sandbox's own user), state.json, launch.log; pasta,
///                                a link by whose name its process is known
/// ```
///
/// Others may pass through (0711), never list: as root each sandbox is another user and must reach
/// its home, the generated files and the sidecar.
struct DataDirectory: Sendable, Equatable {
  /// Absolute, without symbolic links.
  let path: String

  var lock: String { path + "/lock" }
  var cgroups: String { path + "/cgroups" }
  var bin: String { path + "/bin" }
  var etc: String { path + "/etc" }
  var run: String { path + "/run" }
  var sandboxes: String { path + "/sandboxes" }

  func folder(_ id: String) -> String { sandboxes + "/" + id }
  func home(_ id: String) -> String { folder(id) + "/home" }
  func state(_ id: String) -> String { folder(id) + "/state.json" }
  func launchLog(_ id: String) -> String { folder(id) + "/launch.log" }
  func pasta(_ id: String) -> String { folder(id) + "/pasta" }
  /// Whose pasta a program of this name is.
  func sandboxID(ofPasta program: String) -> String? {
    let parts = program.split(separator: "/")
    guard parts.count >= 2, parts.last == "pasta" else { return nil }
    let id = String(parts[parts.count - 2])
    return pasta(id) == program ? id : nil
  }

  func socket(_ id: String) -> String { run + "/" + socketName(id) }
  func socketName(_ id: String) -> String { id + ".sock" }

  /// Makes the folders, or takes those that exist. Blocks.
  static func prepare(_ wanted: String) throws(LocalError) -> DataDirectory {
    guard wanted.hasPrefix("/") else {
      throw .program("the data folder must be an absolute path, not \(wanted)")
    }
    try HostFiles.makeParents(of: wanted)
    try HostFiles.makeFolder(wanted, mode: 0o711)
    guard let path = HostFiles.resolved(wanted) else { throw .last("resolve \(wanted)") }
    let directory = DataDirectory(path: path)
    if getuid() == 0 { try directory.checkPassable() }
    for folder in [directory.bin, directory.etc, directory.sandboxes] {
      try HostFiles.makeFolder(folder, mode: 0o711)
    }
    try HostFiles.makeFolder(directory.run, mode: 0o700)
    return directory
  }

  /// As root, sandboxes are other users: each folder on the way must let them through.
  private func checkPassable() throws(LocalError) {
    var parent = path[...]
    while let slash = parent.lastIndex(of: "/") {
      parent = parent[..<slash]
      let folder = parent.isEmpty ? "/" : String(parent)
      if HostFiles.isPassable(folder) { continue }
      throw .program(
        "the data folder \(path) lies in \(folder), which other users can't enter; as root, "
          + "sandboxes run as users of their own: choose another --data-dir such as /var/lib/xgen")
    }
  }

  /// Makes a sandbox's folder with its home, which belongs to `uid` (nil: to us). Blocks.
  func makeSandbox(_ id: String, uid: UInt32?) throws(LocalError) {
    try attempt("mkdir \(folder(id))") { mkdir(folder(id), 0o711) }
    try HostFiles.makeFolder(folder(id), mode: 0o711)
    for (path, mode) in [(home(id), mode_t(0o700)), (home(id) + "/workspace", 0o755)] {
      try HostFiles.makeFolder(path, mode: mode)
      if let uid { try attempt("chown \(path)") { chown(path, uid, uid) } }
    }
  }
}

/// The lock of a data folder: held by an open file, so that it goes with the process.
final class DataDirectoryLock: Sendable {
  private let file: OwnedDescriptor

  /// Throws if another server holds it. Blocks, but does not wait.
  init(_ directory: DataDirectory) throws(LocalError) {
    file = try OwnedDescriptor.open(directory.lock, O_RDWR | O_CREAT, mode: 0o600)
    if flock(file.raw, LOCK_EX | LOCK_NB) == 0 { return }
    if errno != EWOULDBLOCK { throw .last("lock \(directory.lock)") }
    throw .program("another xgen-server uses the data folder \(directory.path)")
  }

  /// Unlocks, also where a copy of the descriptor lives on for a moment (a child before its exec).
  func release() { flock(file.raw, LOCK_UN) }
}
