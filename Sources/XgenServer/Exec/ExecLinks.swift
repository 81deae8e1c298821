internal import Reactor

/// Links that are kept for the next command, one a sandbox, for a few seconds: a client that runs
/// command after command then waits for no connection and no handshake.
@LoopActor
final class ExecLinks {
  private let idleMs: UInt64
  private var kept: [String: ExecLink] = [:]
  private var sweep: Timer?
  private var isClosed = false

  init(idleMs: UInt64) { self.idleMs = idleMs }

  /// The link to that sandbox, if one is kept that still lives.
  func take(_ id: String) -> ExecLink? {
    let link = kept.removeValue(forKey: id)
    stopIfEmpty()
    guard let link else { return nil }
    if link.isQuiet { return link }
    link.close()
    return nil
  }

  /// Keeps a link whose command is over, or closes it.
  func keep(_ link: ExecLink, to id: String) {
    if isClosed || !link.isIdle || kept[id] != nil { return link.close() }
    kept[id] = link
    if sweep == nil {
      sweep = LoopActor.loop.every(ms: max(1, idleMs / 4)) { [unowned self] in closeOld() }
    }
  }

  /// The sandbox ends.
  func drop(_ id: String) {
    kept.removeValue(forKey: id)?.close()
    stopIfEmpty()
  }

  /// Nothing is kept any more.
  func close() {
    isClosed = true
    for link in kept.values { link.close() }
    kept = [:]
    stopIfEmpty()
  }

  private func closeOld() {
    let now = LoopActor.loop.nowMs
    for (id, link) in kept where !link.isIdle || now - link.idleSinceMs >= idleMs {
      kept[id] = nil
      link.close()
    }
    stopIfEmpty()
  }

  private func stopIfEmpty() {
    guard kept.isEmpty else { return }
    sweep?.cancel()
    sweep = nil
  }
}
