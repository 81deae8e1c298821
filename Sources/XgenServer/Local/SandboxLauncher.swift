internal import CLinux
internal import Glibc
internal import Reactor

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

  /// Starts a sandbox. When it returns, the sandbox can be found again by a later server; when it
  /// throws, no process is left, but the folder, the cgroups and the socket may be. Blocks for some
  /// 15 ms.
  func launch(_ wanted: SandboxState) throws(LocalError) -> SandboxState {
    var state = wanted
    let record = wanted.record
    try directory.makeSandbox(record.id, uid: wanted.uid)
    // A server that is killed from here on leaves a folder that says what it is.
    try state.save(in: directory, durable: false)
    let entrance = try cgroups.make(record.id, cgroupLimits(wanted.limits))?.entrance()
    let listener = try sockets.listen(record.id)
    let ends = try OwnedDescriptor.pipe()
    let info = OwnedDescriptor(ends.read)
    let monitor: Int32
    do {
      let infoEnd = OwnedDescriptor(ends.write)
      monitor = try spawn(state, entrance, listener: listener, info: infoEnd)
    }
    do {
      state.processes = try processes(info, monitor, record.id)
      try state.save(in: directory, durable: true)
    } catch {
      abandon(state.processes, monitor, record.id)
      throw error
    }
    return state
  }

  /// The command for a sandbox with this home; without limits, those of one that asks for none.
  func command(home: String, _ limits: SandboxLimits? = nil) -> BubblewrapCommand {
    BubblewrapCommand(
      home: home, etc: directory.etc, sidecar: sidecar, layout: layout,
      limits: processLimits(limits ?? self.limits.resources))
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

  func cgroupLimits(_ sandbox: SandboxLimits) -> CgroupLimits {
    CgroupLimits(
      cpuMilli: sandbox.cpuMilli, memoryBytes: sandbox.memoryBytes,
      pids: limits.maxProcesses + LocalLimits.processesOfBubblewrap)
  }

  private func spawn(
    _ state: SandboxState, _ entrance: CgroupEntrance?, listener: borrowing OwnedDescriptor,
    info: borrowing OwnedDescriptor
  ) throws(LocalError) -> Int32 {
    let record = state.record
    let null = try OwnedDescriptor.open("/dev/null", O_RDONLY)
    let log = try OwnedDescriptor.open(
      directory.launchLog(record.id), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, mode: 0o600)
    let filter = try OwnedDescriptor.memory("seccomp", filter)
    let variables = SandboxEnvironment.variables(of: record)
    let arguments = try OwnedDescriptor.memory(
      "arguments", BubblewrapCommand.environmentArguments(variables))
    var options = SpawnOptions(
      command: bubblewrapPath,
      arguments: command(home: directory.home(record.id), state.limits).arguments,
      workingDirectory: "/",
      descriptors: [
        null.raw, log.raw, log.raw, listener.raw, info.raw, filter.raw, arguments.raw,
      ])
    options.user = state.uid.map { (uid: $0, gid: $0) }
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
      Self.awaitChild(monitor)  // its last words are in the log once it has ended
      let tail = LogTail.read(directory.launchLog(id))
      throw .program("bubblewrap could not start the sandbox" + (tail.isEmpty ? "" : ": \(tail)"))
    }
    return SandboxState.Processes(sidecar: sidecar, monitor: outer)
  }

  /// Leaves no process of a start that failed.
  private func abandon(_ processes: SandboxState.Processes?, _ monitor: Int32, _ id: String) {
    processes?.sidecar.end()
    StrayProcesses.end(under: directory) { $0 == id }
    Self.awaitChild(monitor)
  }

  /// Gives a child that is about to end a second to do so, and reaps it.
  private static func awaitChild(_ pid: Int32) {
    let raw = xgen_pidfd_open(pid)
    if raw < 0 { return }
    let pidfd = OwnedDescriptor(raw)
    _ = Deadline(afterMs: LocalLimits.lastWordsMs).waitForReadable(pidfd.raw)
    var ignored: Int32 = 0
    _ = xgen_reap(pid, &ignored)
  }
}

/// What bubblewrap writes to its `--info-fd`: a JSON object with the member `child-pid`.
enum BubblewrapInfo {
  /// The first process's pid as the host counts; nil if bubblewrap gave up before. Blocks.
  static func read(_ info: borrowing OwnedDescriptor) -> Int32? {
    let deadline = Deadline(afterMs: LocalLimits.launchTimeoutMs)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 512)
    while bytes.count < LocalLimits.maxInfoBytes, deadline.waitForReadable(info.raw) {
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
