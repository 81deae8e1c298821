internal import Logging
internal import Reactor

/// What happens to sandboxes while they are: later expiries, failures, the sweep.
extension Catalog {
  func keepAlive(
    _ sandbox: Sandbox, byMs: Int64, atMostMs: Int64
  ) async throws(APIError) {
    let before = sandbox.record.expiresAtMs
    let next = max(before, min(before + byMs, clock.nowMs() + atMostMs))
    sandbox.extend(toMs: next)
    do throws(APIError) { try await persist(sandbox, "the new expiry") } catch {
      if sandbox.record.expiresAtMs == next { sandbox.extend(toMs: before) }
      throw error
    }
  }

  private func persist(_ sandbox: Sandbox, _ what: String) async throws(APIError) {
    do throws(BackendError) { try await backend.update(sandbox.record) } catch {
      if let stone = sandbox.ending { throw .sandboxEnded(stone) }
      if case .unavailable(let reason) = error { throw .createFailed(reason) }
      throw .sandboxUnreachable("\(what) could not be kept: \(error.reason)")
    }
  }

  /// What they opened ends at once. They stay revoked in this server even where that could not be
  /// kept.
  func revokePreviewLinks(_ sandbox: Sandbox) async throws(APIError) {
    cutLinks(sandbox, epoch: sandbox.record.previews.linkEpoch + 1)
    try await persist(sandbox, "the revocation")
  }

  private func cutLinks(_ sandbox: Sandbox, epoch: Int) {
    sandbox.revokePreviewLinks(epoch: epoch)
    sandbox.previews.cut { if case .link = $0 { true } else { false } }
  }

  func handle(_ event: SandboxEvent) {
    switch event {
    case .failed(let id, let reason):
      guard let sandbox = live[id] else { return }
      fail(sandbox, reason)
    case .memoryKilled(let id, let count):
      metrics.memoryKills += count
      log.warning(
        "processes of a sandbox were killed: out of memory",
        metadata: ["sandbox": "\(id)", "count": "\(count)"])
    case .appeared(let record, let claim): appear(record, claim)
    case .running(let id): live[id].map { run($0) }
    case .extended(let id, let toMs):
      guard let sandbox = live[id], toMs > sandbox.record.expiresAtMs else { return }
      sandbox.extend(toMs: toMs)
    case .revoked(let id, let epoch):
      guard let sandbox = live[id], epoch > sandbox.record.previews.linkEpoch else { return }
      cutLinks(sandbox, epoch: epoch)
    case .ending(let stone, let claim):
      ledger.adopt(stone)
      if let claim { ledger.adopt(claim, nowMs: clock.nowMs()) }
      if let sandbox = live[stone.id] { follow(stone, sandbox) }
    case .gone(let id):
      guard let sandbox = live[id], !sandbox.endsHere else { return }
      let stone = sandbox.ending ?? stone(sandbox, .evicted)
      ledger.adopt(stone)
      follow(stone, sandbox)
      live[id] = nil
      step(sandbox, to: .stopped, .ended(stone.end))
    }
  }

  private func appear(_ record: SandboxRecord, _ claim: IdempotencyClaim?) {
    if let claim { ledger.adopt(claim, nowMs: clock.nowMs()) }
    if live[record.id] != nil || ledger.end(of: record.id) != nil { return }
    tell(adopt(record), SandboxCause(reason: "requested"))
  }

  /// Its end was decided elsewhere, or is news to the backend itself.
  private func follow(_ stone: Tombstones.Entry, _ sandbox: Sandbox) {
    guard !sandbox.endsHere, step(sandbox, to: .stopping, .ended(stone.end)) else { return }
    sandbox.ending = stone
    sandbox.relays.end(.goingAway, "the sandbox ended: \(stone.end.rawValue)")
    release(sandbox)
    log.info(
      "sandbox ended",
      metadata: ["sandbox": "\(stone.id)", "reason": "\(stone.end.rawValue)"])
  }

  func fail(_ sandbox: Sandbox, _ reason: String) {
    guard step(sandbox, to: .error, SandboxCause(reason: reason)) else { return }
    release(sandbox)
    log.warning(
      "sandbox failed", metadata: ["sandbox": "\(sandbox.record.id)", "reason": "\(reason)"])
    sandbox.relays.end(.internalError, "the sandbox failed")
  }

  func sweep() {
    let now = clock.nowMs()
    ledger.sweep(nowMs: now)
    let checksStalls = LoopActor.loop.nowMs - stallsCheckedAtMs >= Limits.stallSweepMs
    if checksStalls { stallsCheckedAtMs = LoopActor.loop.nowMs }
    for sandbox in live.values {
      if sandbox.record.expiresAtMs <= now, sandbox.status != .stopping, !sandbox.isExpiring,
        backend.endsExpired
      {
        sandbox.isExpiring = true
        LoopActor.task { await self.expire(sandbox) }
      }
      probeIfDue(sandbox)
      if checksStalls { sandbox.relays.checkStalls() }
    }
  }

  private func expire(_ sandbox: Sandbox) async {
    defer { sandbox.isExpiring = false }
    guard await backend.claimExpiry(of: sandbox.record) else { return }
    do throws(APIError) { try await end(sandbox, .expired) } catch {
      log.warning(
        "an expired sandbox can't be ended yet",
        metadata: ["sandbox": "\(sandbox.record.id)", "error": "\(error.message)"])
    }
  }

  private func probeIfDue(_ sandbox: Sandbox) {
    let now = LoopActor.loop.nowMs
    guard sandbox.status == .running, !backend.tellsReadiness else { return }
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
}
