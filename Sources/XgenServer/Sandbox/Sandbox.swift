internal import Reactor

/// A sandbox that exists, from its order to its end. States only move forward.
@LoopActor
final class Sandbox {
  private(set) var record: SandboxRecord { didSet { rendered = nil } }
  private(set) var status = SandboxStatus.starting { didSet { rendered = nil } }
  /// Why it is in `error`.
  private(set) var statusReason: String? { didSet { rendered = nil } }
  /// What clients are told of it, once somebody has asked, until it changes.
  private var rendered: [UInt8]?
  /// Why and when its end began.
  var ending: Tombstones.Entry?
  /// Client WebSockets that are open.
  let relays = SandboxRelays()
  var runningExecs = 0
  let previews = SandboxPreviews()
  /// Loop time of its order; nil if an earlier server made it.
  var orderedMs: UInt64?
  /// It ran before it was ordered.
  var isWarm = false
  /// How another server has answered the request that made it.
  var firstAnswer: IdempotencyClaim?
  /// It is being ended by this server.
  var endsHere = false
  /// Its expiry is being looked at.
  var isExpiring = false
  /// Files that are streamed from or to it.
  var fileTransfers = 0
  var healthMisses = 0
  /// Loop time of the last health probe.
  var probedAtMs: UInt64 = 0
  private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
  private var lastWaiter: UInt64 = 0

  init(_ record: SandboxRecord) { self.record = record }

  nonisolated static func canMove(from: SandboxStatus, to: SandboxStatus) -> Bool {
    switch (from, to) {
    case (.starting, .running), (.starting, .error), (.running, .error): true
    case (.starting, .stopping), (.running, .stopping), (.error, .stopping): true
    case (.stopping, .stopped): true
    default: false
    }
  }

  /// False, and nothing happens, where the state machine has no such step.
  @discardableResult
  func move(to next: SandboxStatus, reason: String? = nil) -> Bool {
    guard Self.canMove(from: status, to: next) else { return false }
    status = next
    if let reason { statusReason = reason }
    wakeWaiters()
    return true
  }

  func extend(toMs expiresAtMs: Int64) { record.expiresAtMs = expiresAtMs }

  /// What clients are told of it, as JSON. `addresses` are always the same.
  func json(_ addresses: PublicAddresses) -> [UInt8] {
    if let rendered { return rendered }
    var writer = JSONWriter()
    writer.sandbox(view, addresses)
    rendered = writer.bytes
    return writer.bytes
  }

  /// Links of earlier epochs lead nowhere any more.
  func revokePreviewLinks(epoch: Int) { record.previews.linkEpoch = epoch }

  /// Returns at the next change of state, or after `ms`.
  func waitForChange(ms: UInt64) async {
    lastWaiter += 1
    let ticket = lastWaiter
    let timer = LoopActor.loop.after(ms: ms) { [self] in wake(ticket) }
    await withCheckedContinuation { waiters[ticket] = $0 }
    timer.cancel()
  }

  private func wake(_ ticket: UInt64) { waiters.removeValue(forKey: ticket)?.resume() }

  private func wakeWaiters() {
    let woken = waiters
    waiters = [:]
    for waiter in woken.values { waiter.resume() }
  }
}

/// A sandbox as it is told to clients, at one moment.
struct SandboxView: Sendable {
  var record: SandboxRecord
  var status: SandboxStatus
  var statusReason: String?
}

extension Sandbox {
  var view: SandboxView {
    SandboxView(record: record, status: status, statusReason: statusReason)
  }
}
