/// Creation under an Idempotency-Key: one sandbox, however often the request comes.
extension Catalog {
  /// Makes the sandbox, or answers again what was answered first. Errors are not kept: after one,
  /// the next request with the key is the first.
  func create(
    _ order: SandboxOrder, for tenant: Tenant, once request: IdempotentRequest, secret: [UInt8],
    origin: CallOrigin
  ) async throws(APIError) -> SandboxView {
    while true {
      let now = clock.nowMs()
      switch ledger.begin(request, nowMs: now) {
      case .isNew:
        let id = request.sandboxID(secret: secret, nowMs: now)
        let record = record(order, tenant, id: id, request.mark)
        return try await createFirst(record, tenant, request, origin)
      case .isUnderWay: await ledger.waitForFirst(request.key)
      case .isAnswered(let claim): return try answerAgain(claim)
      case .differs: throw .idempotencyMismatch()
      case .areTooMany(let seconds):
        throw .quotaExceeded(
          "too many Idempotency-Keys in 24 hours: \(Limits.maxIdempotencyKeysPerOwner) are kept "
            + "for each API key", retryAfterSeconds: seconds)
      }
    }
  }

  private func createFirst(
    _ record: SandboxRecord, _ tenant: Tenant, _ request: IdempotentRequest, _ origin: CallOrigin
  ) async throws(APIError) -> SandboxView {
    do throws(APIError) {
      let sandbox = try await create(record, for: tenant, origin: origin)
      let view = sandbox.view
      let claim = sandbox.firstAnswer ?? IdempotencyClaim(view, request)
      do throws(LocalError) {
        try await ledger.keep(claim)
      } catch {
        try await end(sandbox, .failedToStart)
        throw .createFailed("the Idempotency-Key could not be kept: \(error)")
      }
      return sandbox.firstAnswer == nil ? view : try answerAgain(claim)
    } catch {
      ledger.release(request.key)
      // What another server has answered under this key could not be taken in meanwhile.
      backend.retell(id: record.id)
      throw error
    }
  }

  private func answerAgain(_ claim: IdempotencyClaim) throws(APIError) -> SandboxView {
    guard let sandbox = live[claim.sandboxID], sandbox.ending == nil else {
      let gone = APIError.sandboxExpired("the sandbox of this Idempotency-Key has ended")
      let stone = live[claim.sandboxID]?.ending ?? ledger.end(of: claim.sandboxID)
      throw stone.map { gone.with(details: $0.details) } ?? gone
    }
    var view = sandbox.view
    view.record.expiresAtMs = claim.expiresAtMs
    view.status = claim.status
    if claim.status != .error { view.statusReason = nil }
    return view
  }
}

extension IdempotencyClaim {
  fileprivate init(_ answered: SandboxView, _ request: IdempotentRequest) {
    self.init(
      key: request.key, bodyHash: request.mark.bodyHash, sandboxID: answered.record.id,
      createdAtMs: answered.record.createdAtMs, status: answered.status,
      expiresAtMs: answered.record.expiresAtMs)
  }
}
