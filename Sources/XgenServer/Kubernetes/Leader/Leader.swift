internal import Glibc
internal import Logging
internal import Reactor

/// Holds the lease, or tries to.
@LoopActor
final class Leader {
  private let cluster: Cluster
  private let clock: Clock
  private let log: Logger
  private var election: LeaseElection
  private var acquiredMs: Int64 = 0
  private var timer: Timer?
  /// Fires when leading ends for want of a renewal.
  private var deadline: Timer?
  private var isTrying = false
  private var wasLeading = false
  private var isStopped = false
  /// Told whenever this replica begins or ceases to lead.
  var onChange: ((Bool) -> Void)?

  init(cluster: Cluster, clock: Clock, log: Logger) {
    self.cluster = cluster
    self.clock = clock
    self.log = log
    election = LeaseElection(
      identity: Self.identity(),
      renewDeadlineMs: KubernetesBackendLimits.leaseRenewDeadlineMs)
  }

  var isLeading: Bool { election.isLeading(LoopActor.loop.nowMs) }

  func start() {
    timer = LoopActor.loop.every(ms: KubernetesBackendLimits.leaseRetryMs) { [unowned self] in
      trySoon()
    }
    trySoon()
  }

  private func trySoon() {
    if isTrying || isStopped { return }
    isTrying = true
    LoopActor.task { await self.tryOnce() }
  }

  private func tryOnce() async {
    defer { isTrying = false }
    do throws(KubernetesError) {
      let found = try await cluster.get(
        .leases, LeaseManifest.name, timeoutMs: KubernetesBackendLimits.leaseTimeoutMs)
      let action = election.look(
        at: found.flatMap { LeaseManifest.observed($0) }, nowMs: LoopActor.loop.nowMs)
      if !isStopped { try await act(action) }
    } catch {
      switch error {
      case .conflict, .alreadyExists: break  // another one was faster
      default: log.debug("the lease can't be had now", metadata: ["error": "\(error)"])
      }
    }
    noteChange()
  }

  private func act(_ action: LeaseElection.Action) async throws(KubernetesError) {
    let startedMs = LoopActor.loop.nowMs
    let written: JSONValue
    switch action {
    case .wait: return
    case .create:
      acquiredMs = clock.nowMs()
      written = try await cluster.create(.leases, object(transitions: 0, nil))
    case .take(let version, let transitions):
      acquiredMs = clock.nowMs()
      written = try await replace(version, transitions)
    case .renew(let version, let transitions): written = try await replace(version, transitions)
    }
    guard let lease = LeaseManifest.observed(written) else {
      throw .malformed("the lease that was written is none")
    }
    election.didWrite(lease, startedMs: startedMs, nowMs: LoopActor.loop.nowMs)
  }

  private func replace(
    _ version: String, _ transitions: Int
  ) async throws(KubernetesError) -> JSONValue {
    try await cluster.replace(
      .leases, LeaseManifest.name, object(transitions: transitions, version),
      timeoutMs: KubernetesBackendLimits.leaseTimeoutMs)
  }

  private func object(
    transitions: Int, _ version: String?, identity: String? = nil
  ) -> JSONValue {
    LeaseManifest.object(
      identity: identity ?? election.identity, nowMs: clock.nowMs(), acquiredMs: acquiredMs,
      transitions: transitions, resourceVersion: version, namespace: cluster.namespace)
  }

  private func noteChange() {
    deadline?.cancel()
    deadline = nil
    let now = LoopActor.loop.nowMs
    if let until = election.leadsUntilMs, until > now {
      deadline = LoopActor.loop.after(ms: until - now) { [unowned self] in
        deadline = nil
        noteChange()
      }
    }
    if isLeading == wasLeading { return }
    wasLeading = isLeading
    log.info(
      isLeading ? "this replica leads" : "this replica does not lead any more",
      metadata: ["identity": "\(election.identity)"])
    onChange?(isLeading)
  }

  /// Stops leading; `releasing` lets another one begin at once, where the cluster can be asked.
  func stop(releasing: Bool) async {
    isStopped = true
    timer?.cancel()
    timer = nil
    let held = isLeading
    election.resign()
    noteChange()
    guard held, releasing,
      let found = try? await cluster.get(
        .leases, LeaseManifest.name, timeoutMs: KubernetesBackendLimits.leaseTimeoutMs),
      let lease = LeaseManifest.observed(found), lease.holder == election.identity
    else { return }
    let free = object(
      transitions: lease.transitions, lease.resourceVersion, identity: "")
    // Where this fails the others wait for the lease's end.
    _ = try? await cluster.replace(
      .leases, LeaseManifest.name, free, timeoutMs: KubernetesBackendLimits.leaseTimeoutMs)
  }

  /// The pod's name, and what tells this process from the one before it in the same pod.
  private static func identity() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let host = String(
      decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(host)_\(SandboxID.random())"
  }
}
