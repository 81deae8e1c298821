internal import Logging
internal import Reactor

/// How a sandbox comes into being.
extension Catalog {
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
      gui: order.gui, metadata: order.metadata, resources: order.resources,
      previews: order.previews, createdAtMs: now,
      expiresAtMs: now + Int64(order.timeoutSeconds) * 1000, idempotency: mark)
  }

  private func abandon(_ sandbox: Sandbox, _ origin: CallOrigin) async {
    let cause = SandboxCause.ended(.failedToStart, origin)
    // Where it is being ended already, for a reason of its own, that goes on.
    guard step(sandbox, to: .stopping, cause) else { return }
    release(sandbox)
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

  func probeUntilRunning(_ sandbox: Sandbox) async {
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
}
