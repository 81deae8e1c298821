internal import Glibc

/// Whether limits can be set below a cgroup, found out by doing it once.
enum CgroupTrial {
  /// No sandbox has such an id.
  private static let trialID = "trial-run"
  /// Any values that the kernel does not round.
  private static let limits = CgroupLimits(cpuMilli: 500, memoryBytes: 256 << 20, pids: 64)

  /// Makes the server's own folder `name` below `base`, and in it, for a moment, a cgroup that a
  /// process joins. Returns the folder; if something fails, it is removed. Blocks.
  static func run(in base: CgroupFolder, _ name: String) throws(LocalError) -> CgroupFolder {
    if base.version == .v2 { try CgroupDelegation.enable(base) }
    let folder = base.child(name)
    let existed = folder.exists
    try folder.make()
    do throws(LocalError) {
      if base.version == .v2 { try CgroupDelegation.enable(folder) }
      try tryChild(of: folder)
    } catch {
      if !existed { rmdir(folder.path) }
      throw error
    }
    return folder
  }

  private static func tryChild(of folder: CgroupFolder) throws(LocalError) {
    let cgroup = try SandboxCgroup.make(trialID, under: [folder], limits)
    let result = Result { () throws(LocalError) in
      for child in cgroup.folders { try child.verify(limits) }
      let entrance = try cgroup.entrance()
      let program = HostProgram(
        path: "/bin/true", arguments: [], cgroups: entrance.descriptors)
      let outcome = try withExtendedLifetime(entrance) { () throws(LocalError) in
        try program.run(timeoutMs: LocalLimits.hostProgramTimeoutMs)
      }
      if outcome.exitCode != 0 {
        throw LocalError.program("a process in \(cgroup.folders[0].path) did not run")
      }
    }
    try cgroup.remove()
    try result.get()
  }
}
