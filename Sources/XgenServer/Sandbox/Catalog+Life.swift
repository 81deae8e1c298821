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
    do throws(BackendError) { try await backend.update(sandbox.record) } catch {
      if sandbox.record.expiresAtMs == next { sandbox.extend(toMs: before) }
      if let stone = sandbox.ending { throw .sandboxEnded(stone) }
      throw .sandboxUnreachable("the new expiry could not be kept: \(error)")
    }
  }

  /// What they opened ends at once. They stay revoked in this server even where that could not be
  /// kept.
  func revokePreviewLinks(_ sandbox: Sandbox) async throws(APIError) {
    sandbox.revokePreviewLinks()
    sandbox.previews.cut { if case .link = $0 { true } else { false } }
    do throws(BackendError) { try await backend.update(sandbox.record) } catch {
      if let stone = sandbox.ending { throw .sandboxEnded(stone) }
      throw .sandboxUnreachable("the revocation could not be kept: \(error)")
    }
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
    }
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
      if sandbox.record.expiresAtMs <= now, sandbox.status != .stopping {
        LoopActor.task { await self.end(sandbox, .expired) }
      }
      probeIfDue(sandbox)
      if checksStalls { sandbox.relays.checkStalls() }
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
}
