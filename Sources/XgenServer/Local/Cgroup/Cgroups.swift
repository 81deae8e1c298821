internal import Glibc
internal import Reactor

/// The cgroups of this server's sandboxes: one folder of ours in each hierarchy that we may write,
/// below the server's own cgroup, and in it a child per sandbox, named by its id.
///
/// ```
/// /sys/fs/cgroup/memory/<own cgroup>/xgen-0123456789ab/<id>/memory.limit_in_bytes   v1
/// /sys/fs/cgroup/<own cgroup>/xgen-0123456789ab/<id>/memory.max                     v2
/// ```
struct Cgroups: Sendable {
  /// Value of `--cgroup-parent` for hosts whose cgroups are to be left alone.
  static let noParent = "none"

  /// Ours, in each hierarchy.
  private(set) var folders: [CgroupFolder] = []
  /// Of servers that ran in another cgroup.
  private(set) var earlier: [CgroupFolder] = []
  /// Why a controller can't be used.
  private(set) var problems: [CgroupController: String] = [:]

  /// None, as on a host without any.
  init() {}

  func holds(_ controller: CgroupController) -> Bool {
    folders.contains { $0.controllers.contains(controller) }
  }

  /// Finds the hierarchies and tries each. Blocks.
  static func prepare(_ directory: DataDirectory, parent: String?) throws(LocalError) -> Cgroups {
    var cgroups = Cgroups()
    let name = CgroupRegistry.instancePrefix + SHA256.hash(Array(directory.path.utf8)).prefix(6).hex
    if parent == noParent {
      for controller in CgroupController.allCases {
        cgroups.problems[controller] = "cgroups are switched off (--cgroup-parent none)"
      }
    } else {
      for mount in try mounts() { cgroups.add(mount, parent: parent, name) }
      for controller in CgroupController.allCases where !cgroups.holds(controller) {
        cgroups.problems[controller] =
          cgroups.problems[controller] ?? "the host mounts no cgroup hierarchy that has it"
      }
    }
    let known = CgroupRegistry.load(directory)
    cgroups.earlier = known.filter { !cgroups.folders.contains($0) }
    try CgroupRegistry.save(cgroups.folders + cgroups.earlier, in: directory)
    return cgroups
  }

  private static func mounts() throws(LocalError) -> [CgroupMount] {
    CgroupMount.parse(
      mountinfo: try HostFiles.read("/proc/self/mountinfo", limit: LocalLimits.maxProcBytes),
      membership: try HostFiles.read("/proc/self/cgroup", limit: LocalLimits.maxProcBytes))
  }

  private mutating func add(_ mount: CgroupMount, parent: String?, _ name: String) {
    guard let path = parent.map({ mount.mountPoint + $0 }) ?? Self.base(mount) else { return }
    var controllers = mount.controllers
    if mount.version == .v2 { controllers = CgroupDelegation.controllers(of: path) }
    controllers = controllers.filter { !holds($0) }
    if controllers.isEmpty { return }
    let base = CgroupFolder(version: mount.version, controllers: controllers, path: path)
    do {
      folders.append(try CgroupTrial.run(in: base, name))
    } catch {
      for controller in controllers { problems[controller] = "\(error)" }
    }
  }

  /// Our own cgroup, or, standing in its leaf, the one above.
  private static func base(_ mount: CgroupMount) -> String? {
    guard let own = mount.ownFolder else { return nil }
    let suffix = "/" + CgroupDelegation.leaf
    return mount.version == .v2 && own.hasSuffix(suffix) ? String(own.dropLast(suffix.count)) : own
  }

  // MARK: Sandboxes

  /// Blocks. Nil where the host has no cgroups for us.
  func make(_ id: String, _ limits: CgroupLimits) throws(LocalError) -> SandboxCgroup? {
    folders.isEmpty ? nil : try SandboxCgroup.make(id, under: folders, limits)
  }

  /// Those of a sandbox that this server has made; nil where the host has none for us.
  func expected(_ id: String) -> SandboxCgroup? {
    folders.isEmpty ? nil : SandboxCgroup(folders: folders.map { $0.child(id) })
  }

  /// A sandbox's cgroups, wherever they were made. Blocks.
  func find(_ id: String) -> SandboxCgroup? {
    let found = (folders + earlier).map { $0.child(id) }.filter { $0.exists }
    return found.isEmpty ? nil : SandboxCgroup(folders: found)
  }

  // MARK: Ends

  /// Removes the cgroups of all sandboxes but these, with what runs in them; tells which could not
  /// be. Blocks.
  func removeLeftovers(keeping living: Set<String>) -> [LocalError] {
    var problems: [LocalError] = []
    for folder in folders + earlier {
      for name in HostFiles.names(in: folder.path) {
        let child = folder.child(name)
        if living.contains(name) || !child.exists { continue }
        do { try child.remove() } catch { problems.append(error) }
      }
    }
    removeEmpty(earlier)
    return problems
  }

  /// Removes our own folders, once no sandbox is left in them. Blocks.
  func removeOwn() { removeEmpty(folders) }

  private func removeEmpty(_ folders: [CgroupFolder]) {
    for folder in folders { rmdir(folder.path) }
  }
}

extension Sequence<UInt8> {
  /// Two lower-case digits each.
  fileprivate var hex: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
