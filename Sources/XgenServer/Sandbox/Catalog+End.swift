internal import Logging
internal import Reactor

/// How sandboxes end.
extension Catalog {
  /// Ends a sandbox; returns when nothing of it is left. Concurrent calls all wait for that. Throws,
  /// and it goes on, where its end can't be written down for those who share the backend.
  func end(
    _ sandbox: Sandbox, _ end: SandboxEnd, origin: CallOrigin? = nil
  ) async throws(APIError) {
    let cause = SandboxCause.ended(end, origin)
    if sandbox.endsHere || sandbox.status == .stopping { return try await waitForEnd(sandbox) }
    sandbox.endsHere = true
    do throws(BackendError) {
      try await backend.keepEnd(stone(sandbox, end), of: sandbox.record)
    } catch {
      sandbox.endsHere = false
      throw Self.cantEnd(error.reason)
    }
    guard step(sandbox, to: .stopping, cause) else { return }
    sandbox.ending = stone(sandbox, end)
    sandbox.relays.end(.goingAway, "the sandbox ended: \(end.rawValue)")
    release(sandbox)
    // First, so that a server killed meanwhile leaves no sandbox that ended without a reason.
    await ledger.add([stone(sandbox, end)])
    await backend.delete(id: sandbox.record.id)
    let id = sandbox.record.id
    if live[id] === sandbox { live[id] = nil }
    metrics.sandboxesDeleted += 1
    step(sandbox, to: .stopped, cause)
    log.info(
      "sandbox ended",
      metadata: Self.metadata(sandbox, origin).merging(["reason": "\(end.rawValue)"]) { $1 })
  }

  /// Another call, or another server, is at it.
  private func waitForEnd(_ sandbox: Sandbox) async throws(APIError) {
    while sandbox.endsHere && sandbox.status != .stopped || sandbox.status == .stopping {
      await sandbox.waitForChange(ms: 1000)
    }
    if sandbox.status != .stopped { throw Self.cantEnd("its end can't be written down") }
  }

  private static func cantEnd(_ reason: String) -> APIError {
    .createFailed("the sandbox can't be ended now: \(reason)")
  }

  /// Closes the WebSockets of the callers that `isCut` names, for a right that is gone.
  func endRelays(_ reason: String, where isCut: (Principal) -> Bool) -> Int {
    live.values.reduce(0) { $0 + $1.relays.end(.policyViolation, reason, where: isCut) }
  }

  /// Lets go of connections to a sandbox that ends or is broken.
  func release(_ sandbox: Sandbox) {
    sidecars.forget(sandbox)
    onRelease?(sandbox)
  }

  func stone(_ sandbox: Sandbox, _ end: SandboxEnd) -> Tombstones.Entry {
    Tombstones.Entry(
      id: sandbox.record.id, owner: sandbox.record.owner, end: end, atMs: clock.nowMs())
  }

  /// Ends what must not outlive the server. No sandbox is made any more.
  func shutDown() async {
    isShuttingDown = true
    sweepTimer?.cancel()
    sweepTimer = nil
    for sandbox in live.values {
      sandbox.relays.end(.goingAway, "the server is shutting down")
    }
    sidecars.close()
    if backend.keepsSandboxesAtShutdown { return await backend.shutdown() }
    let ending = live.values.filter { step($0, to: .stopping, .ended(.shutdown)) }
    for sandbox in ending { sandbox.ending = stone(sandbox, .shutdown) }
    await ledger.add(ending.compactMap(\.ending))
    await backend.shutdown()
    for sandbox in ending { step(sandbox, to: .stopped, .ended(.shutdown)) }
  }
}
