internal import Reactor

/// What is recorded in the audit log, and when.
extension Server {
  /// Called before an answer's first byte: its record is on the way to the disk by then, or waits for
  /// the next batch (`AuditLimits.gatherMs`).
  func audit(_ context: RequestContext, status: Int) {
    // Else whoever is over the limit could fill the log.
    if context.isOverRateLimit { return }
    guard let audit, let route = context.route, let action = route.auditAction,
      context.exchange.head.method == route.method
    else { return }
    guard var record = auditRecord(action, context) else { return }
    record.status = status
    record.durationMs = LoopActor.loop.nowMs - context.startedMs
    if action == .fileWrite, status < 300, case .length(let count) = context.exchange.head.framing {
      record.bytes = count
    }
    audit.record(record)
  }

  /// What is known of a call; nil where nobody keeps it.
  func auditRecord(_ action: AuditAction, _ context: RequestContext) -> AuditRecord? {
    if audit == nil { return nil }
    return AuditRecord(
      timeMs: clock.nowMs(), requestID: context.id, subject: context.principal?.name,
      role: context.principal?.role, action: action,
      sandbox: context.sandboxID.map(Self.auditedID), status: 0, peer: context.peerHost)
  }

  /// The end of a WebSocket.
  func auditEnd(
    of relay: WebSocketRelay, _ opening: RelayOpening, by caller: Principal, in sandbox: String
  ) {
    guard let audit else { return }
    let now = clock.nowMs()
    var record = AuditRecord(
      timeMs: now, requestID: opening.requestID, subject: caller.name, role: caller.role,
      action: .webSocketClose, sandbox: sandbox, status: Int(relay.closeCode.rawValue),
      peer: opening.peer)
    record.durationMs = UInt64(max(0, now - opening.timeMs))
    record.bytes = relay.relayedByteCount
    audit.record(record)
  }

  /// Clients spell ids as they like.
  private static func auditedID(_ id: String) -> String {
    String(decoding: id.utf8.prefix(AuditLimits.maxIDBytes), as: UTF8.self)
  }
}
