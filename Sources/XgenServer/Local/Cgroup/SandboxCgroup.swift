internal import Glibc

/// The cgroups of one sandbox: a folder in each hierarchy. All of it blocks: workers only.
struct SandboxCgroup: Sendable, Equatable {
  let folders: [CgroupFolder]

  /// Makes the folders and writes the limits; leaves nothing behind if that fails.
  static func make(
    _ id: String, under parents: [CgroupFolder], _ limits: CgroupLimits
  ) throws(LocalError) -> SandboxCgroup {
    let cgroup = SandboxCgroup(folders: parents.map { $0.child(id) })
    do throws(LocalError) {
      for folder in cgroup.folders {
        try folder.make()
        try folder.apply(limits)
      }
    } catch {
      try? cgroup.remove()
      throw error
    }
    return cgroup
  }

  func apply(_ limits: CgroupLimits) throws(LocalError) {
    for folder in folders { try folder.apply(limits) }
  }

  /// Opens what a new process writes to in order to be inside.
  func entrance() throws(LocalError) -> CgroupEntrance { try CgroupEntrance(folders) }

  /// How many processes inside the kernel has killed for want of memory.
  var memoryKills: UInt64 { folders.lazy.compactMap { $0.memoryKills }.first ?? 0 }

  /// The pids of what is inside, at this moment.
  var processes: [Int32] { folders.first?.processes() ?? [] }

  /// Kills what is inside and removes the folders. Throws if one stays, after trying all.
  func remove() throws(LocalError) {
    var problem: LocalError?
    for folder in folders {
      do { try folder.remove() } catch { problem = error }
    }
    if let problem { throw problem }
  }
}

/// Open join files of a sandbox's cgroups, for `SpawnOptions.cgroups`; to be kept until the spawn.
final class CgroupEntrance: Sendable {
  let descriptors: [Int32]

  fileprivate init(_ folders: [CgroupFolder]) throws(LocalError) {
    var opened: [Int32] = []
    for folder in folders {
      let path = folder.path + "/" + folder.version.joinFile
      let raw = open(path, O_WRONLY | O_CLOEXEC)
      if raw < 0 {
        let error = LocalError.last("open \(path)")
        for descriptor in opened { close(descriptor) }
        throw error
      }
      opened.append(raw)
    }
    descriptors = opened
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}
