internal import Glibc

/// Removes what a sandbox left on disk.
///
/// The tree is hostile: deeper than PATH_MAX, with links, with folders that nobody may read.
/// `rm` walks by descriptors and follows no link. Its processes have ended before.
enum SandboxRemoval {
  /// Removes the socket, then the folder; fine if they are gone. Blocks, long for large trees.
  static func remove(_ id: String, in directory: DataDirectory) throws(LocalError) {
    unlink(directory.socket(id))
    try removeTree(directory.folder(id))
  }

  static func removeTree(_ path: String) throws(LocalError) {
    if try run("/bin/rm", ["-rf", "--one-file-system", "--", path]).exitCode == 0 { return }
    // Not root: the owner may have taken its own rights off a folder.
    _ = try run("/bin/chmod", ["-Rf", "u+rwX", "--", path])
    let second = try run("/bin/rm", ["-rf", "--one-file-system", "--", path])
    if second.exitCode != 0 { throw .program("rm \(path): \(second.output)") }
  }

  private static func run(
    _ path: String, _ arguments: [String]
  ) throws(LocalError) -> HostProgram.Outcome {
    try HostProgram(path: path, arguments: arguments).run(timeoutMs: LocalLimits.removalTimeoutMs)
  }
}
