internal import Glibc
internal import Reactor

/// Makes a cgroup v2 folder hand its controllers on to sub-folders (cgroups(7), "no internal
/// processes"): a cgroup that does so may hold no process itself, so the server moves into a leaf.
enum CgroupDelegation {
  /// Where the server itself goes; a server that finds itself in one stands beside its sandboxes.
  static let leaf = "xgen-server"

  /// The controllers, of those that we use, that the folder has been given. Blocks.
  static func controllers(of path: String) -> Set<CgroupController> {
    let folder = CgroupFolder(version: .v2, controllers: [], path: path)
    let text = (try? folder.read("cgroup.controllers")) ?? ""
    let names = text.split { $0 == " " || $0 == "\n" }
    return Set(names.compactMap { CgroupController(rawValue: String($0)) })
  }

  /// Hands the controllers of `folder` on. Blocks.
  static func enable(_ folder: CgroupFolder) throws(LocalError) {
    let wanted = CgroupController.allCases.filter { folder.controllers.contains($0) }
    let words = wanted.map { "+\($0.rawValue)" }.joined(separator: " ")
    do {
      try folder.write("cgroup.subtree_control", words)
    } catch .system(_, UVError(-EBUSY)) {
      try moveIntoLeaf(folder) { () throws(LocalError) in
        try folder.write("cgroup.subtree_control", words)
      }
    }
  }

  private static func moveIntoLeaf(
    _ folder: CgroupFolder, then enable: () throws(LocalError) -> Void
  ) throws(LocalError) {
    let own = folder.child(leaf)
    try own.make()
    try own.write("cgroup.procs", "\(getpid())")
    do throws(LocalError) { try enable() } catch {
      // Others are in the folder as well, and are not ours to move.
      try? folder.write("cgroup.procs", "\(getpid())")
      try? own.remove()
      throw error
    }
  }
}
