internal import CLinux
internal import Glibc
internal import Reactor
internal import XgenProtocol

/// Starts sandboxes, on a worker: folders, cgroups, socket, bubblewrap, state file.
struct SandboxLauncher: Sendable {
  let directory: DataDirectory
  let sockets: SidecarSockets
  let bubblewrapPath: String
  /// The sidecar's copy on the host.
  let sidecar: String
  let layout: HostLayout
  let limits: LocalLimits
  let cgroups: Cgroups
  let bootID: String
  /// The seccomp program's bytes.
  let filter: [UInt8]
  let desktops: DesktopPasswords
  /// Nil where no sandbox has a network.
  let egress: Egress?

  /// Starts a sandbox. When it returns, the sandbox can be found again by a later server; when it
  /// throws, no process is left, but the folder, the cgroups and the socket may be. Blocks for some
  /// 15 ms, with a network for some 60.
  func launch(_ wanted: SandboxState) throws(LocalError) -> SandboxState {
    var state = wanted
    let record = wanted.record
    try directory.makeSandbox(record.id, uid: wanted.uid)
    // A server that is killed from here on leaves a folder that says what it is.
    try state.save(in: directory, durable: false)
    let limits = cgroupLimits(wanted.limits, record.network)
    let entrance = try cgroups.make(record.id, limits)?.entrance()
    let listener = try sockets.listen(record.id)
    let gate = try LaunchGate()
    let ends = try OwnedDescriptor.pipe()
    let info = OwnedDescriptor(ends.read)
    let monitor: Int32
    do {
      let infoEnd = OwnedDescriptor(ends.write)
      monitor = try spawn(state, entrance, listener: listener, info: infoEnd, gate: gate)
    }
    do {
      state.processes = try processes(info, monitor, record.id)
      let network = try connect(state, entrance)
      state.processes?.network = network
      try state.save(in: directory, durable: true)
      if record.network == .internet { try gate.open() }
    } catch {
      abandon(state.processes, monitor, record.id)
      throw error
    }
    return state
  }

  private func connect(
    _ state: SandboxState, _ entrance: CgroupEntrance?
  ) throws(LocalError) -> HostProcess? {
    guard state.record.network == .internet, let sidecar = state.processes?.sidecar else {
      return nil
    }
    guard let egress else { throw .program("this server gives sandboxes no network") }
    return try egress.open(
      state.record.id, sidecar.pid, user: state.uid, cgroups: entrance?.descriptors ?? [],
      in: directory)
  }

  /// The command for a sandbox with this home; without limits, those of one that asks for none.
  func command(
    home: String, _ limits: SandboxLimits? = nil, network: SandboxNetwork? = nil,
    hasDesktop: Bool = false
  ) -> BubblewrapCommand {
    BubblewrapCommand(
      home: home, etc: directory.etc, sidecar: sidecar, layout: layout,
      limits: processLimits(limits ?? self.limits.resources), network: network ?? .none,
      hasDesktop: hasDesktop)
  }

  /// What each process inside is held to. One file can't outrun the sweep of disks.
  private func processLimits(_ sandbox: SandboxLimits) -> LocalLimits {
    var each = limits
    each.maxFileBytes = min(limits.maxFileBytes, sandbox.diskBytes)
    if !cgroups.holds(.memory) {
      each.maxDataBytes = max(LocalLimits.minDataBytes, sandbox.memoryBytes)
    }
    return each
  }

  /// What its cgroups hold it to: pasta, which runs in them, comes on top of what it asked for.
  func cgroupLimits(_ sandbox: SandboxLimits, _ network: SandboxNetwork?) -> CgroupLimits {
    var limits = CgroupLimits(
      cpuMilli: sandbox.cpuMilli, memoryBytes: sandbox.memoryBytes,
      pids: self.limits.maxProcesses + LocalLimits.processesOfBubblewrap)
    if network == .internet {
      limits.memoryBytes += LocalLimits.networkBytes
      limits.pids += LocalLimits.processesOfNetwork
    }
    return limits
  }

  private func spawn(
    _ state: SandboxState, _ entrance: CgroupEntrance?, listener: borrowing OwnedDescriptor,
    info: borrowing OwnedDescriptor, gate: borrowing LaunchGate
  ) throws(LocalError) -> Int32 {
    let record = state.record
    let log = try OwnedDescriptor.open(
      directory.launchLog(record.id), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, mode: 0o600)
    let command = command(
      home: directory.home(record.id), state.limits, network: record.network,
      hasDesktop: record.gui)
    var variables = SandboxEnvironment.variables(of: record)
    if record.gui {
      variables.append((DesktopConventions.passwordVariable, desktops[record.id]))
    }
    return try spawn(
      command.arguments, user: state.uid, cgroups: entrance,
      .init(
        listener: listener.raw, log: log.raw, info: info.raw,
        gate: record.network == .internet ? gate.inside.raw : -1,
        arguments: BubblewrapCommand.environmentArguments(variables)))
  }

  /// What a new bubblewrap inherits, in our numbers, and what it reads.
  struct Inheritance {
    let listener: Int32
    let log: Int32
    let info: Int32
    /// -1: none.
    let gate: Int32
    let arguments: [UInt8]
  }

  /// Starts a bubblewrap and returns its pid.
  func spawn(
    _ arguments: [String], user: UInt32?, cgroups entrance: CgroupEntrance? = nil,
    _ inherited: Inheritance
  ) throws(LocalError) -> Int32 {
    let null = try OwnedDescriptor.open("/dev/null", O_RDONLY)
    let filter = try OwnedDescriptor.memory("seccomp", filter)
    let more = try OwnedDescriptor.memory("arguments", inherited.arguments)
    var options = SpawnOptions(
      command: bubblewrapPath, arguments: arguments, workingDirectory: "/",
      descriptors: [
        null.raw, inherited.log, inherited.log, inherited.listener, inherited.info, filter.raw,
        more.raw, inherited.gate,
      ])
    options.user = user.map { (uid: $0, gid: $0) }
    options.cgroups = entrance?.descriptors ?? []
    do {
      return try withExtendedLifetime(entrance) { () throws(SpawnError) in try options.spawn() }
    } catch {
      throw .program("\(bubblewrapPath): \(error)")
    }
  }

  /// Waits for bubblewrap to name the sandbox's first process.
  private func processes(
    _ info: borrowing OwnedDescriptor, _ monitor: Int32, _ id: String
  ) throws(LocalError) -> SandboxState.Processes {
    let answer = BubblewrapInfo.read(info)
    guard let pid = answer, let sidecar = HostProcess.running(pid),
      let outer = HostProcess.running(monitor)
    else {
      // Its last words are in the log once it has ended.
      Self.awaitChild(monitor, ms: LocalLimits.lastWordsMs)
      let tail = LogTail.read(directory.launchLog(id))
      throw .program("bubblewrap could not start the sandbox" + (tail.isEmpty ? "" : ": \(tail)"))
    }
    return SandboxState.Processes(sidecar: sidecar, monitor: outer)
  }

  /// Leaves no process of a start that failed.
  func abandon(_ processes: SandboxState.Processes?, _ monitor: Int32, _ id: String) {
    processes?.sidecar.end()
    StrayProcesses.end(under: directory) { $0 == id }
    Self.awaitChild(monitor, ms: LocalLimits.lastWordsMs)
  }

  /// Gives a child that is about to end some time to do so, and reaps it. Its exit code; nil if it
  /// runs on, or was reaped before.
  @discardableResult
  static func awaitChild(_ pid: Int32, ms: Int32) -> Int32? {
    let raw = xgen_pidfd_open(pid)
    if raw < 0 { return nil }
    let pidfd = OwnedDescriptor(raw)
    _ = Deadline(afterMs: ms).waitForReadable(pidfd.raw)
    var code: Int32 = 0
    return xgen_reap(pid, &code) == 1 ? code : nil
  }
}

/// What bubblewrap writes to its `--info-fd`: a JSON object with the member `child-pid`.
enum BubblewrapInfo {
  /// The first process's pid as the host counts; nil if bubblewrap gave up before. Blocks.
  static func read(_ info: borrowing OwnedDescriptor) -> Int32? {
    let deadline = Deadline(afterMs: LocalLimits.launchTimeoutMs)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 512)
    // Not to its end: who waits at the gate may hold the other side open.
    while pid(bytes) == nil, bytes.count < LocalLimits.maxInfoBytes,
      deadline.waitForReadable(info.raw)
    {
      let count = Glibc.read(info.raw, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return pid(bytes)
  }

  static func pid(_ bytes: [UInt8]) -> Int32? {
    guard let answer = try? JSONParser.parse(bytes).objectValue,
      let pid = answer["child-pid"]?.intValue.flatMap(Int32.init(exactly:)), pid > 1
    else { return nil }
    return pid
  }
}
