internal import Logging
internal import Reactor

/// The sandboxes of this server: their birth, their look-up by tenant, and their end.
@LoopActor
final class Catalog {
  private let backend: any SandboxBackend
  private let sidecars: SidecarClient
  private let metrics: Metrics
  private let log: Logger
  let clock: Clock
  private let maxSandboxes: Int
  let ledger: Ledger
  private(set) var live: [String: Sandbox] = [:]
  private var sweepTimer: Timer?
  private(set) var isShuttingDown = false
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
    for record in records {
      let sandbox = Sandbox(record)
      live[record.id] = sandbox
      log.info("sandbox adopted", metadata: ["sandbox": "\(record.id)"])
      LoopActor.task { await self.probeUntilRunning(sandbox) }
    }
    sweepTimer = LoopActor.loop.every(ms: Limits.sweepMs) { [unowned self] in sweep() }
  }

  // MARK: Birth

  /// Starts a sandbox; returns once it is persisted, and running if that takes under 250 ms.
  func create(
    _ order: SandboxOrder, for tenant: Tenant, origin: CallOrigin
  ) async throws(APIError) -> SandboxView {
    let record = record(order, tenant, id: SandboxID.random(), nil)
    return try await create(record, for: tenant, origin: origin).view
  }

  /// Precondition: nothing awaits between the checks here and the place that the sandbox takes, so
  /// that requests at the same time can't overshoot a limit.
  func create(
    _ record: SandboxRecord, for tenant: Tenant, origin: CallOrigin
  ) async throws(APIError) -> Sandbox {
    try checkRoom(for: tenant)
    if live[record.id] != nil { throw .createFailed("there is a sandbox of this id") }
    let sandbox = Sandbox(record)
    sandbox.orderedMs = LoopActor.loop.nowMs
    live[record.id] = sandbox
    tell(sandbox, .requested(origin))
    do throws(BackendError) { try await backend.create(record) } catch {
      await abandon(sandbox, origin)
      throw Self.createError(error)
    }
    metrics.sandboxesCreated += 1
    log.info(
      "sandbox created",
      metadata: Self.metadata(sandbox, origin).merging(["template": "\(record.template)"]) { $1 })
    if sandbox.status == .starting {
      LoopActor.task { await self.probeUntilRunning(sandbox) }
      await sandbox.waitForChange(ms: Limits.createWaitMs)
    }
    return sandbox
  }

  private func checkRoom(for tenant: Tenant) throws(APIError) {
    if isShuttingDown { throw .shuttingDown() }
    if live.count >= maxSandboxes {
      throw .capacityExhausted(
        "\(maxSandboxes) sandboxes are running, which is this server's limit (--max-sandboxes)")
    }
    guard let most = tenant.maxSandboxes else { return }
    if live.values.count(where: { $0.record.owner == tenant.name }) >= most {
      throw .quotaExceeded(
        "the key '\(tenant.name)' may have \(most) sandboxes at once (max_sandboxes)",
        retryAfterSeconds: Limits.quotaRetrySeconds)
    }
  }

  func record(
    _ order: SandboxOrder, _ tenant: Tenant, id: String, _ mark: SandboxRecord.Idempotency?
  ) -> SandboxRecord {
    let now = clock.nowMs()
    return SandboxRecord(
      id: id, owner: tenant.name, template: order.template, env: order.env, ports: order.ports,
      gui: order.gui, metadata: order.metadata, resources: order.resources, createdAtMs: now,
      expiresAtMs: now + Int64(order.timeoutSeconds) * 1000, idempotency: mark)
  }

  private func abandon(_ sandbox: Sandbox, _ origin: CallOrigin) async {
    let cause = SandboxCause.ended(.failedToStart, origin)
    step(sandbox, to: .stopping, cause)
    sidecars.forget(sandbox)
    await backend.delete(id: sandbox.record.id)
    live[sandbox.record.id] = nil
    step(sandbox, to: .stopped, cause)
  }

  private static func createError(_ error: BackendError) -> APIError {
    switch error {
    case .unavailable(let reason), .failed(let reason): .createFailed(reason)
    case .unknownSandbox: .createFailed("the sandbox ended while it was made")
    }
  }

  private func probeUntilRunning(_ sandbox: Sandbox) async {
    let problem = await sidecars.probe(sandbox, timeoutMs: sidecars.timeouts.startMs)
    guard sandbox.status == .starting else { return }
    if let problem {
      fail(sandbox, "the sandbox did not start: \(problem)")
    } else if step(sandbox, to: .running, .ready), let orderedMs = sandbox.orderedMs {
      metrics.recordStart(
        template: sandbox.record.template, isWarm: false,
        seconds: Double(LoopActor.loop.nowMs - orderedMs) / 1000)
    }
  }

  // MARK: Steps

  /// Moves a sandbox and tells the observer; false, and nothing happens, where there is no such
  /// step.
  @discardableResult
  private func step(_ sandbox: Sandbox, to next: SandboxStatus, _ cause: SandboxCause) -> Bool {
    let reason = next == .error ? cause.reason : nil
    guard sandbox.move(to: next, reason: reason) else { return false }
    tell(sandbox, cause)
    return true
  }

  private func tell(_ sandbox: Sandbox, _ cause: SandboxCause) {
    let record = sandbox.record
    onChange?(
      SandboxChange(
        id: record.id, owner: record.owner, status: sandbox.status, cause: cause,
        atMs: clock.nowMs()))
  }

  private static func metadata(_ sandbox: Sandbox, _ origin: CallOrigin?) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["sandbox": "\(sandbox.record.id)"]
    if let origin {
      metadata["subject"] = "\(origin.subject)"
      metadata["request_id"] = "\(origin.requestID)"
    }
    return metadata
  }

  // MARK: Look-up

  func list(for caller: Principal) -> [Sandbox] {
    live.values.filter { isVisible($0.record.owner, to: caller) && $0.status != .stopping }
      .sorted {
        ($0.record.createdAtMs, $0.record.id) > ($1.record.createdAtMs, $1.record.id)
      }
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

  // MARK: Life

  func keepAlive(
    _ sandbox: Sandbox, byMs: Int64, atMostMs: Int64
  ) async throws(APIError) {
    let before = sandbox.record.expiresAtMs
    let next = max(before, min(before + byMs, clock.nowMs() + atMostMs))
    sandbox.extend(toMs: next)
    do throws(BackendError) { try await backend.update(sandbox.record) } catch {
      if let stone = sandbox.ending { throw .sandboxEnded(stone) }
      throw .sandboxUnreachable("the new expiry could not be kept: \(error)")
    }
  }

  private func handle(_ event: SandboxEvent) {
    switch event {
    case .failed(let id, let reason):
      guard let sandbox = live[id] else { return }
      fail(sandbox, reason)
    case .memoryKilled(let id, let count):
      metrics.memoryKills += count
      log.warning(
        "processes of a sandbox were killed: out of memory",
        metadata: ["sandbox": "\(id)", "count": "\(count)"])
    }
  }

  private func fail(_ sandbox: Sandbox, _ reason: String) {
    guard step(sandbox, to: .error, SandboxCause(reason: reason)) else { return }
    sidecars.forget(sandbox)
    log.warning(
      "sandbox failed", metadata: ["sandbox": "\(sandbox.record.id)", "reason": "\(reason)"])
    for relay in sandbox.relays { relay.end(.internalError, "the sandbox failed") }
  }

  private func sweep() {
    let now = clock.nowMs()
    ledger.sweep(nowMs: now)
    for sandbox in live.values {
      if sandbox.record.expiresAtMs <= now, sandbox.status != .stopping {
        LoopActor.task { await self.end(sandbox, .expired) }
      }
      probeIfDue(sandbox)
      for relay in sandbox.relays { relay.checkStall() }
    }
  }

  private func probeIfDue(_ sandbox: Sandbox) {
    let now = LoopActor.loop.nowMs
    guard sandbox.status == .running else { return }
    if sandbox.probedAtMs == 0 { sandbox.probedAtMs = now }
    guard now - sandbox.probedAtMs >= sidecars.timeouts.healthEveryMs else { return }
    sandbox.probedAtMs = now
    LoopActor.task { await self.probeHealth(sandbox) }
  }

  private func probeHealth(_ sandbox: Sandbox) async {
    let problem = await sidecars.probe(sandbox, timeoutMs: sidecars.timeouts.healthMs)
    guard let problem else {
      sandbox.healthMisses = 0
      return
    }
    sandbox.healthMisses += 1
    if sandbox.healthMisses >= Limits.maxHealthMisses {
      fail(sandbox, "the sidecar does not answer: \(problem)")
    }
  }

  // MARK: End

  /// Ends a sandbox; returns when nothing of it is left. Concurrent calls all wait for that.
  func end(_ sandbox: Sandbox, _ end: SandboxEnd, origin: CallOrigin? = nil) async {
    let cause = SandboxCause.ended(end, origin)
    guard step(sandbox, to: .stopping, cause) else {
      while sandbox.status == .stopping { await sandbox.waitForChange(ms: 1000) }
      return
    }
    sandbox.ending = stone(sandbox, end)
    for relay in sandbox.relays { relay.end(.goingAway, "the sandbox ended: \(end.rawValue)") }
    sidecars.forget(sandbox)
    await backend.delete(id: sandbox.record.id)
    await ledger.add([stone(sandbox, end)])
    let id = sandbox.record.id
    live[id] = nil
    metrics.sandboxesDeleted += 1
    step(sandbox, to: .stopped, cause)
    log.info(
      "sandbox ended",
      metadata: Self.metadata(sandbox, origin).merging(["reason": "\(end.rawValue)"]) { $1 })
  }

  /// Closes the WebSockets of the callers that `isCut` names, for a right that is gone.
  func endRelays(_ reason: String, where isCut: (Principal) -> Bool) -> Int {
    let cut = live.values.flatMap { $0.relays }.filter { isCut($0.caller) }
    for relay in cut { relay.end(.policyViolation, reason) }
    return cut.count
  }

  private func stone(_ sandbox: Sandbox, _ end: SandboxEnd) -> Tombstones.Entry {
    Tombstones.Entry(
      id: sandbox.record.id, owner: sandbox.record.owner, end: end, atMs: clock.nowMs())
  }

  /// Ends what must not outlive the server. No sandbox is made any more.
  func shutDown() async {
    isShuttingDown = true
    sweepTimer?.cancel()
    sweepTimer = nil
    for sandbox in live.values {
      for relay in sandbox.relays { relay.end(.goingAway, "the server is shutting down") }
    }
    sidecars.close()
    if backend.keepsSandboxesAtShutdown { return await backend.shutdown() }
    let ending = live.values.filter { step($0, to: .stopping, .ended(.shutdown)) }
    for sandbox in ending { sandbox.ending = stone(sandbox, .shutdown) }
    await backend.shutdown()
    await ledger.add(ending.compactMap(\.ending))
    for sandbox in ending { step(sandbox, to: .stopped, .ended(.shutdown)) }
  }
}
