internal import Logging
internal import Reactor

/// The sandboxes of this server: their birth, their look-up by tenant, and their end.
@LoopActor
final class Catalog {
  let backend: any SandboxBackend
  let sidecars: SidecarClient
  let metrics: Metrics
  let log: Logger
  let clock: Clock
  let maxSandboxes: Int
  let ledger: Ledger
  /// By id. Changed by the files of this class only.
  var live: [String: Sandbox] = [:]
  var sweepTimer: Timer?
  /// Loop time of the last look for frames that are begun and not finished.
  var stallsCheckedAtMs: UInt64 = 0
  var isShuttingDown = false
  /// Told of every sandbox that can't be used any more. Set once, before `start`.
  var onRelease: ((Sandbox) -> Void)?
  /// Told of every step of every sandbox. Set once, before `start`.
  var onChange: ((SandboxChange) -> Void)?

  init(
    backend: any SandboxBackend, sidecars: SidecarClient, metrics: Metrics, log: Logger,
    clock: Clock, maxSandboxes: Int, ledger: Ledger
  ) {
    self.backend = backend
    self.sidecars = sidecars
    self.metrics = metrics
    self.log = log
    self.clock = clock
    self.maxSandboxes = maxSandboxes
    self.ledger = ledger
  }

  func census() -> SandboxCensus {
    var census = SandboxCensus(total: live.count)
    for sandbox in live.values {
      let key = SandboxCensus.Key(status: sandbox.status, template: sandbox.record.template)
      census.byStatusAndTemplate[key, default: 0] += 1
      census.byOwner[sandbox.record.owner, default: 0] += 1
      census.webSockets += sandbox.relays.count
    }
    return census
  }

  /// What sandboxes are not held to here.
  var notEnforced: Set<ResourceName> { backend.notEnforced }
  /// What a sandbox reaches by default, and at most.
  var network: SandboxNetwork? { backend.network }

  var backendName: String { backend.name }

  /// Takes over the sandboxes of an earlier run and starts the sweep.
  func start() async throws(BackendError) {
    backend.onEvent = { [unowned self] in handle($0) }
    sidecars.onFault = { [unowned self] in fail($0, $1) }
    let records = try await backend.start()
    do throws(LocalError) {
      try await ledger.load(adopting: records, nowMs: clock.nowMs())
    } catch {
      throw .unavailable("what is known of earlier sandboxes can't be kept: \(error)")
    }
    for record in records { adopt(record) }
    backend.didStart()
    sweepTimer = LoopActor.loop.every(ms: Limits.sweepMs) { [unowned self] in sweep() }
  }

  /// Takes over a sandbox that another server, or this one in an earlier run, has made.
  @discardableResult
  func adopt(_ record: SandboxRecord) -> Sandbox {
    let sandbox = Sandbox(record)
    live[record.id] = sandbox
    log.info("sandbox adopted", metadata: ["sandbox": "\(record.id)"])
    if !backend.tellsReadiness {
      LoopActor.task { await self.probeUntilRunning(sandbox) }
    }
    return sandbox
  }

  // MARK: Steps

  /// Moves a sandbox and tells the observer; false, and nothing happens, where there is no such
  /// step.
  @discardableResult
  func step(_ sandbox: Sandbox, to next: SandboxStatus, _ cause: SandboxCause) -> Bool {
    let reason = next == .error ? cause.reason : nil
    guard sandbox.move(to: next, reason: reason) else { return false }
    tell(sandbox, cause)
    return true
  }

  func tell(_ sandbox: Sandbox, _ cause: SandboxCause) {
    let record = sandbox.record
    onChange?(
      SandboxChange(
        id: record.id, owner: record.owner, status: sandbox.status, cause: cause,
        atMs: clock.nowMs()))
  }

  static func metadata(_ sandbox: Sandbox, _ origin: CallOrigin?) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["sandbox": "\(sandbox.record.id)"]
    if let origin {
      metadata["subject"] = "\(origin.subject)"
      metadata["request_id"] = "\(origin.requestID)"
    }
    return metadata
  }

  // MARK: Look-up

  /// Newest first.
  func list(for caller: Principal) -> [Sandbox] {
    var listed: [ListedSandbox] = []
    for sandbox in live.values
    where isVisible(sandbox.record.owner, to: caller) && sandbox.status != .stopping {
      listed.append(ListedSandbox(sandbox))
    }
    listed.sort(by: >)
    return listed.map(\.sandbox)
  }

  /// Throws 404 for what the caller may not know of, 410 for what ended by itself.
  func find(_ id: String, for caller: Principal) throws(APIError) -> Sandbox {
    if let sandbox = live[id], isVisible(sandbox.record.owner, to: caller) { return sandbox }
    guard let stone = ledger.end(of: id), isVisible(stone.owner, to: caller) else {
      throw .sandboxNotFound(id)
    }
    throw .sandboxEnded(stone)
  }

  /// As `find`, for what makes no sense any more once the sandbox is ending.
  func findLasting(_ id: String, for caller: Principal) throws(APIError) -> Sandbox {
    let sandbox = try find(id, for: caller)
    if let stone = sandbox.ending { throw .sandboxEnded(stone) }
    return sandbox
  }

  /// Whether a DELETE of it is a repetition.
  func wasDeleted(_ id: String, for caller: Principal) -> Bool {
    guard live[id] == nil, let stone = ledger.end(of: id) else { return false }
    return isVisible(stone.owner, to: caller)
  }

  private func isVisible(_ owner: String, to caller: Principal) -> Bool {
    caller.role == .admin || caller.name == owner
  }

  /// Waits for a starting sandbox; throws if it can't be used.
  func waitUntilReady(_ sandbox: Sandbox) async throws(APIError) {
    let deadline = LoopActor.loop.nowMs + sidecars.timeouts.readyMs
    while sandbox.status == .starting, LoopActor.loop.nowMs < deadline {
      await sandbox.waitForChange(ms: deadline - LoopActor.loop.nowMs)
    }
    switch sandbox.status {
    case .running: return
    case .starting: throw .sandboxNotReady("the sandbox is still starting")
    case .stopping, .stopped:
      guard let stone = sandbox.ending else { throw .sandboxNotFound(sandbox.record.id) }
      throw .sandboxEnded(stone)
    case .error:
      throw .sandboxUnreachable("the sandbox is broken: \(sandbox.statusReason ?? "unknown")")
    }
  }
}

/// A place in the list, which can be compared without being on the loop: a closure that is isolated
/// asks at each call whether it is where it should be.
private struct ListedSandbox: Comparable {
  let sandbox: Sandbox
  private let createdAtMs: Int64
  private let id: String

  @LoopActor init(_ sandbox: Sandbox) {
    self.sandbox = sandbox
    createdAtMs = sandbox.record.createdAtMs
    id = sandbox.record.id
  }

  static func < (left: ListedSandbox, right: ListedSandbox) -> Bool {
    (left.createdAtMs, left.id) < (right.createdAtMs, right.id)
  }

  static func == (left: ListedSandbox, right: ListedSandbox) -> Bool { left.id == right.id }
}
