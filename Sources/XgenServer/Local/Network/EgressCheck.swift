internal import CLinux
internal import Glibc
internal import Reactor

/// Whether this host can give sandboxes a network: what is missing is to be known at the start.
enum EgressCheck {
  /// Connects a trial sandbox like every other, and runs `true` in it. Its folder exists. Blocks.
  static func run(
    _ launcher: SandboxLauncher, _ egress: Egress, uid: UInt32?
  ) throws(LocalError) {
    let id = BubblewrapCheck.trialID
    let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
    let log = try OwnedDescriptor.memory("trial", [])
    let gate = try LaunchGate()
    let ends = try OwnedDescriptor.pipe()
    let info = OwnedDescriptor(ends.read)
    let monitor: Int32
    do {
      let infoEnd = OwnedDescriptor(ends.write)
      let command = launcher.command(home: launcher.directory.home(id), network: .internet)
      monitor = try launcher.spawn(
        command.arguments(running: ["/usr/bin/true"]), user: uid,
        .init(
          listener: null.raw, log: log.raw, info: infoEnd.raw, gate: gate.inside.raw,
          arguments: []))
    }
    defer { launcher.abandon(nil, monitor, id) }
    guard let pid = BubblewrapInfo.read(info) else {
      throw .program("bubblewrap can't make a sandbox with a network on this host")
    }
    let pasta = try egress.open(id, pid, user: uid, cgroups: [], in: launcher.directory)
    defer { pasta.end() }
    try gate.open()
    let code = SandboxLauncher.awaitChild(monitor, ms: LocalLimits.hostProgramTimeoutMs)
    if code != 0 { throw .program("a sandbox with a network does not run on this host") }
  }
}
