internal import Glibc

/// Whether this host can run sandboxes; there is no mode without isolation.
enum BubblewrapCheck {
  /// The first release with `--disable-userns`.
  private static let oldest = (major: 0, minor: 8)
  /// Folder of the trial; no sandbox has such an id.
  static let trialID = "trial-run"

  /// Looks at bubblewrap's version, then runs `true` in a sandbox like every other. Blocks.
  static func run(_ launcher: SandboxLauncher, uid: UInt32?) throws(LocalError) {
    try checkVersion(launcher.bubblewrapPath)
    try SandboxRemoval.remove(trialID, in: launcher.directory)
    try launcher.directory.makeSandbox(trialID, uid: uid)
    let result = Result { () throws(LocalError) in
      try trial(launcher, uid: uid)
      if let egress = launcher.egress { try EgressCheck.run(launcher, egress, uid: uid) }
    }
    try SandboxRemoval.remove(trialID, in: launcher.directory)
    try result.get()
  }

  private static func checkVersion(_ path: String) throws(LocalError) {
    guard access(path, X_OK) == 0 else {
      throw .program(
        "bubblewrap is not installed (\(path)); sandboxes need it: apt-get install bubblewrap")
    }
    let outcome = try HostProgram(path: path, arguments: ["--version"])
      .run(timeoutMs: LocalLimits.hostProgramTimeoutMs)
    guard let version = version(outcome.output) else {
      throw .program("\(path) --version answered: \(outcome.output)")
    }
    if version >= oldest { return }
    throw .program(
      "bubblewrap 0.8 or later is needed, \(path) is \(version.major).\(version.minor)")
  }

  /// `bubblewrap 0.8.0` → (0, 8).
  static func version(_ output: String) -> (major: Int, minor: Int)? {
    guard let text = output.split(separator: " ").last else { return nil }
    let numbers = text.split(separator: ".").prefix(2).compactMap { Int($0) }
    return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
  }

  private static func trial(_ launcher: SandboxLauncher, uid: UInt32?) throws(LocalError) {
    let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
    let filter = try OwnedDescriptor.memory("seccomp", launcher.filter)
    let none = try OwnedDescriptor.memory("arguments", [])
    let command = launcher.command(home: launcher.directory.home(trialID))
    let outcome = try HostProgram(
      path: launcher.bubblewrapPath, arguments: command.arguments(running: ["/usr/bin/true"]),
      user: uid, extraDescriptors: [null.raw, null.raw, filter.raw, none.raw]
    ).run(timeoutMs: LocalLimits.hostProgramTimeoutMs)
    if outcome.exitCode == 0 { return }
    throw .program(
      "bubblewrap can't make a sandbox on this host: \(outcome.output)" + userNamespaceHint())
  }

  /// What to change where the host keeps user namespaces from its users.
  private static func userNamespaceHint() -> String {
    let blockers = [
      ("kernel/unprivileged_userns_clone", "0", "1"), ("user/max_user_namespaces", "0", "15000"),
      ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ]
    for (name, blocking, wanted) in blockers {
      guard let bytes = try? HostFiles.read("/proc/sys/" + name, limit: LocalLimits.maxProcBytes),
        String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self) == blocking
      else { continue }
      let setting = String(name.map { $0 == "/" ? "." : $0 })
      return "; user namespaces are switched off here, switch them on with: "
        + "sysctl -w \(setting)=\(wanted)"
    }
    return ""
  }
}
