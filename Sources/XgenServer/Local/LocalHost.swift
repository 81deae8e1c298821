internal import Glibc

/// The host made ready for sandboxes: the locked data folder and what starts are made of.
struct LocalHost: Sendable {
  let lock: DataDirectoryLock
  let launcher: SandboxLauncher

  var directory: DataDirectory { launcher.directory }
  var sockets: SidecarSockets { launcher.sockets }
  var cgroups: Cgroups { launcher.cgroups }

  /// Prepares the data folder and checks that a sandbox can be made. Blocks.
  static func prepare(
    _ configuration: LocalConfiguration, desktops: DesktopPasswords, trialUID: UInt32?
  ) throws(LocalError) -> LocalHost {
    let directory = try DataDirectory.prepare(configuration.dataDirectory)
    let lock = try DataDirectoryLock(directory)
    let egress = try Egress.prepare(configuration)
    try GeneratedFiles.write(to: directory, egress)
    let launcher = SandboxLauncher(
      directory: directory, sockets: try SidecarSockets(directory),
      bubblewrapPath: configuration.bubblewrapPath,
      sidecar: try SidecarProgram.install(from: configuration.sidecarPath, in: directory),
      layout: HostLayout.read(), limits: configuration.limits,
      cgroups: try Cgroups.prepare(directory, parent: configuration.cgroupParent),
      bootID: try HostProcess.bootID(), filter: SeccompFilter.native.bytes, desktops: desktops,
      egress: egress)
    do throws(LocalError) { try BubblewrapCheck.run(launcher, uid: trialUID) } catch {
      launcher.cgroups.removeOwn()
      throw error
    }
    return LocalHost(lock: lock, launcher: launcher)
  }

  /// Removes what a sandbox without processes holds: what may run in its cgroups all the same, its
  /// socket and its files. Blocks, long for large trees.
  func remove(_ id: String) throws(LocalError) {
    let cgroups = Result { () throws(LocalError) in try self.cgroups.find(id)?.remove() }
    try SandboxRemoval.remove(id, in: directory)
    try cgroups.get()
  }
}
