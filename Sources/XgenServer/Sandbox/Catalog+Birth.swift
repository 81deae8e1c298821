internal import Logging
internal import Reactor

/// How a sandbox comes into being.
extension Catalog {
  /// Starts a sandbox; returns once it is persisted, and running if that takes under 250 ms.
  func create(
    _ order: SandboxOrder, for tenant: Tenant, origin: CallOrigin
  ) async throws(APIError) -> SandboxView {
    let record = record(order, tenant, id: SandboxID.random(), nil)
    if let sandbox = try await claimWarm(record, for: tenant, origin: origin) {
      return sandbox.view
    }
    return try await create(record, for: tenant, origin: origin).view
  }

  /// A sandbox that runs already, if there is one for such a record; nil if none could be had.
  private func claimWarm(
    _ record: SandboxRecord, for tenant: Tenant, origin: CallOrigin
  ) async throws(APIError) -> Sandbox? {
    for _ in 0..<Limits.maxWarmClaims {
      guard let id = backend.takeWarm(for: record) else { return nil }
      do throws(APIError) {
        return try await create(record.with(id: id), for: tenant, origin: origin, isWarm: true)
      } catch {
        if !error.isWarmTaken { throw error }
        log.debug("a warm sandbox could not be had", metadata: ["reason": "\(error.message)"])
      }
    }
    return nil
  }

  /// Precondition: nothing awaits between the checks here and the place that the sandbox takes, so
  /// that requests at the same time can't overshoot a limit.
  func create(
    _ record: SandboxRecord, for tenant: Tenant, origin: CallOrigin, isWarm: Bool = false
  ) async throws(APIError) -> Sandbox {
    try checkRoom(for: tenant)
    if live[record.id] != nil { throw .createFailed("there is a sandbox of this id") }
    let sandbox = Sandbox(record)
    sandbox.orderedMs = LoopActor.loop.nowMs
    sandbox.isWarm = isWarm
    live[record.id] = sandbox
    // A warm one may yet turn out to be another tenant's, whose id is nobody else's business.
    if !isWarm { tell(sandbox, .requested(origin)) }
    do throws(BackendError) { try await backend.create(record) } catch {
      switch error {
      case .exists(let made, let claim):
        return try adopt(made, claim, insteadOf: sandbox, for: tenant)
      case .taken(let reason): throw letGo(of: sandbox, reason)
      default:
        await abandon(sandbox, origin)
        throw Self.createError(error)
      }
    }
    if isWarm { tell(sandbox, .requested(origin)) }
    metrics.sandboxesCreated += 1
    log.info(
      "sandbox created",
      metadata: Self.metadata(sandbox, origin).merging(["template": "\(record.template)"]) { $1 })
    if sandbox.status == .starting {
      if !backend.tellsReadiness {
        LoopActor.task { await self.probeUntilRunning(sandbox) }
      }
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
      gui: order.gui, metadata: order.metadata, resources: order.resources,
      previews: order.previews, createdAtMs: now,
      expiresAtMs: now + Int64(order.timeoutSeconds) * 1000, idempotency: mark,
      network: order.network)
  }

  private func abandon(_ sandbox: Sandbox, _ origin: CallOrigin) async {
    let cause = SandboxCause.ended(.failedToStart, origin)
    // Where it is being ended already, for a reason of its own, that goes on.
    guard step(sandbox, to: .stopping, cause) else { return }
    release(sandbox)
    await backend.abandon(id: sandbox.record.id)
    if live[sandbox.record.id] === sandbox { live[sandbox.record.id] = nil }
    step(sandbox, to: .stopped, cause)
    backend.retell(id: sandbox.record.id)
  }

  private func forgetQuietly(_ sandbox: Sandbox) {
    if live[sandbox.record.id] === sandbox { live[sandbox.record.id] = nil }
    release(sandbox)
  }

  /// A warm sandbox that we do not get.
  private func letGo(of sandbox: Sandbox, _ reason: String) -> APIError {
    forgetQuietly(sandbox)
    sandbox.move(to: .stopping)
    sandbox.move(to: .stopped)
    backend.retell(id: sandbox.record.id)
    var error = APIError.createFailed(reason)
    error.isWarmTaken = true
    return error
  }

  /// Another server has made this very sandbox, at the same client's request.
  private func adopt(
    _ made: SandboxRecord, _ claim: IdempotencyClaim?, insteadOf sandbox: Sandbox,
    for tenant: Tenant
  ) throws(APIError) -> Sandbox {
    let isSame =
      made.owner == tenant.name && made.idempotency != nil
      && made.idempotency == sandbox.record.idempotency
    forgetQuietly(sandbox)
    sandbox.move(to: .stopping)
    sandbox.move(to: .stopped)
    let adopted = live[made.id] ?? adopt(made)
    backend.retell(id: made.id)
    guard isSame else { throw .idempotencyMismatch() }
    adopted.firstAnswer = claim
    return adopted
  }

  private static func createError(_ error: BackendError) -> APIError {
    switch error {
    case .unavailable(let reason), .failed(let reason): .createFailed(reason)
    case .noRoom(let reason): .capacityExhausted(reason)
    case .invalid(let error): .invalidParameter(error)
    case .hasEnded(let stone): .sandboxEnded(stone)
    case .exists, .taken: .createFailed(error.reason)
    case .unknownSandbox: .createFailed("the sandbox ended while it was made")
    }
  }

  func probeUntilRunning(_ sandbox: Sandbox) async {
    let problem = await sidecars.probe(sandbox, timeoutMs: sidecars.timeouts.startMs)
    guard sandbox.status == .starting else { return }
    if let problem {
      fail(sandbox, "the sandbox did not start: \(problem)")
    } else {
      run(sandbox)
    }
  }

  /// It can be used.
  func run(_ sandbox: Sandbox) {
    guard step(sandbox, to: .running, .ready), let orderedMs = sandbox.orderedMs else { return }
    metrics.recordStart(
      template: sandbox.record.template, isWarm: sandbox.isWarm,
      seconds: Double(LoopActor.loop.nowMs - orderedMs) / 1000)
  }
}
