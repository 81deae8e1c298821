internal import Glibc
internal import Logging
internal import Reactor

/// Sandboxes as isolated process trees on this host, by bubblewrap.
///
/// The loop keeps the books; everything that blocks runs on the worker pool, which must stay open
/// until `shutdown` has returned. Per sandbox one thing happens at a time (`LocalSandbox.turns`).
@LoopActor
final class LocalBackend: SandboxBackend {
  let name = "local"
  var onEvent: ((SandboxEvent) -> Void)?

  let configuration: LocalConfiguration
  let workers: WorkerPool
  let desktops: DesktopPasswords
  let logger: Logger
  var host: LocalHost?
  var sandboxes: [String: LocalSandbox] = [:]
  var isShuttingDown = false
  let removals = Turns(places: LocalLimits.removalsAtOnce)
  /// Nil where the server is no root: sandboxes then run as its own user.
  var uids: UIDAllocator?
  let resources = ResourceSweep()
  var sweepTimer: Timer?
  var isSweeping = false

  init(
    _ configuration: LocalConfiguration, workers: WorkerPool, desktops: DesktopPasswords,
    logger: Logger
  ) {
    self.configuration = configuration
    self.workers = workers
    self.desktops = desktops
    self.logger = logger
    if getuid() == 0 {
      let start = SystemRandom.bytes(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      uids = UIDAllocator(range: configuration.uidRange, startingNear: start)
    }
  }

  var network: SandboxNetwork? { configuration.network }

  func update(_ record: SandboxRecord) async throws(BackendError) {
    guard let host, let sandbox = sandboxes[record.id] else { throw .unknownSandbox }
    await sandbox.turns.enter()
    defer { sandbox.turns.leave() }
    if sandbox.isUnwanted { throw .unknownSandbox }
    sandbox.state.record = record
    let state = sandbox.state
    let result = await patiently {
      Result { () throws(LocalError) in try state.save(in: host.directory, durable: true) }
    }
    if case .failure(let error) = result { throw .failed("\(error)") }
  }

  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream {
    guard let host, let sandbox = sandboxes[id], !sandbox.isUnwanted else { throw .unknownSandbox }
    if sandbox.hasEnded { throw .failed("the sandbox's sidecar has ended") }
    do {
      switch destination {
      case .sidecar:
        return try SocketStream.connect(
          loop: LoopActor.loop, to: host.sockets.address(id), eagerly: true)
      }
    } catch {
      throw .failed("the sandbox's sidecar can't be reached: \(error)")
    }
  }

  /// Lets go of everything and ends nothing: what kill -9 would do, but with the loop in order.
  func detach() {
    sweepTimer?.cancel()
    sweepTimer = nil
    for sandbox in sandboxes.values { sandbox.detach() }
    sandboxes = [:]
    host?.lock.release()
    host = nil
  }

  // MARK: What the other files share

  /// Watches a sandbox's processes and reports an end that nobody asked for.
  func watch(_ sandbox: LocalSandbox, _ processes: SandboxState.Processes) throws(UVError) {
    sandbox.onNetworkEnd = { [weak self] in
      guard let self, !sandbox.isUnwanted, !sandbox.isCondemned else { return }
      logger.warning(
        "a sandbox's network ended; it goes on without",
        metadata: ["sandbox": "\(sandbox.state.record.id)"])
    }
    try sandbox.watch(processes, loop: LoopActor.loop) { [weak self] in
      guard let self, !sandbox.isUnwanted, !sandbox.isCondemned else { return }
      LoopActor.task { await self.report(sandbox) }
    }
  }

  private func report(_ sandbox: LocalSandbox) async {
    guard let host else { return }
    let id = sandbox.state.record.id
    let tail = await patiently { LogTail.read(host.directory.launchLog(id)) }
    let reason =
      await memoryReason(sandbox)
      ?? SidecarEnd.reason(exitCode: sandbox.exitCode, logTail: tail)
    if sandbox.isUnwanted { return }
    logger.warning(
      "sandbox ended by itself", metadata: ["sandbox": "\(id)", "reason": "\(reason)"])
    onEvent?(.failed(id: id, reason: reason))
  }

  /// Runs work that must not be given up, also when the pool is full for a while.
  func patiently<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    while true {
      do {
        return try await workers.run(work)
      } catch {
        await pause()
      }
    }
  }

  /// Before asking again.
  func pause() async {
    await withCheckedContinuation { continuation in
      LoopActor.loop.after(ms: LocalLimits.retryMs) { continuation.resume() }
    }
  }
}

/// The words for a sidecar that ended without being asked to.
enum SidecarEnd {
  static func reason(exitCode: Int32?, logTail: String) -> String {
    var text = "the sandbox's sidecar ended"
    if let exitCode {
      text += exitCode > 128 ? " by signal \(exitCode - 128)" : " with exit code \(exitCode)"
    }
    return logTail.isEmpty ? text : "\(text): \(logTail)"
  }
}
