internal import Logging
internal import Reactor

/// What the cluster holds of ours, as this replica knows it: pods and the ConfigMaps of ends, kept by
/// two watches and by the answers to this replica's own requests, which come sooner.
@LoopActor
final class SandboxMirror {
  /// By sandbox id.
  private(set) var pods: [String: SandboxPod] = [:]
  private(set) var ends: [String: EndManifest] = [:]
  /// A pod is new or another than before.
  var onPod: ((SandboxPod) -> Void)?
  var onPodGone: ((SandboxPod) -> Void)?
  var onEnd: ((EndManifest) -> Void)?
  /// Why what is here may be old; nil while both watches are open.
  var staleReason: String? { podsFault ?? endsFault }

  private let log: Logger
  private var podsFault: String? = "the cluster was not asked yet"
  private var endsFault: String? = "the cluster was not asked yet"
  private var hasPods = false
  private var hasEnds = false
  private var gone = RecentNames(limit: KubernetesBackendLimits.maxGonePods)
  private var waiters: [UInt64: (id: String, wake: () -> Void)] = [:]
  private var lastWaiter: UInt64 = 0

  init(log: Logger) { self.log = log }

  /// Everything was seen once.
  var isWhole: Bool { hasPods && hasEnds }

  // MARK: From the watches

  func takePods(_ events: [KubernetesWatchEvent]) {
    for event in events {
      switch event {
      case .reset(let items, _): resetPods(items)
      case .changed(let object): note(object)
      case .deleted(let object): drop(object)
      case .connected: podsFault = nil
      case .disconnected(let error): podsFault = stale(error, podsFault)
      }
    }
  }

  func takeEnds(_ events: [KubernetesWatchEvent]) {
    for event in events {
      switch event {
      case .reset(let items, _): resetEnds(items)
      case .changed(let object): if let end = EndManifest(object) { note(end) }
      case .deleted(let object):
        if let end = EndManifest(object) { ends[end.stone.id] = nil }
      case .connected: endsFault = nil
      case .disconnected(let error): endsFault = stale(error, endsFault)
      }
    }
  }

  private func stale(_ error: KubernetesError, _ before: String?) -> String {
    if before == nil {
      log.warning(
        "the cluster can't be watched; what is known of it may be old",
        metadata: ["error": "\(error)"])
    }
    return "\(error)"
  }

  private func resetPods(_ items: [JSONValue]) {
    hasPods = true
    let listed = Dictionary(
      items.compactMap { SandboxPod($0) }.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    for pod in pods.values where listed[pod.id]?.uid != pod.uid { remove(pod) }
    for pod in listed.values { take(pod) }
  }

  private func resetEnds(_ items: [JSONValue]) {
    hasEnds = true
    let listed = Dictionary(
      items.compactMap { EndManifest($0) }.map { ($0.stone.id, $0) }, uniquingKeysWith: { $1 })
    ends = ends.filter { listed[$0.key] != nil }
    for end in listed.values { note(end) }
  }

  // MARK: What is known

  /// Takes a pod from a watch or from an answer; nil for what is none of ours.
  @discardableResult
  func note(_ object: JSONValue) -> SandboxPod? {
    guard let pod = SandboxPod(object) else { return nil }
    take(pod)
    return pod
  }

  func note(_ end: EndManifest) {
    if ends[end.stone.id] == end { return }
    ends[end.stone.id] = end
    onEnd?(end)
  }

  private func take(_ pod: SandboxPod) {
    if gone.contains(pod.uid) { return }
    if let known = pods[pod.id] {
      if known == pod || !pod.isNewer(than: known) { return }
      if known.uid != pod.uid { remove(known) }
    }
    pods[pod.id] = pod
    onPod?(pod)
    wake(pod.id)
  }

  private func drop(_ object: JSONValue) {
    guard let uid = KubernetesObject.uid(object), let name = KubernetesObject.name(object),
      let pod = pods.values.first(where: { $0.uid == uid && $0.name == name })
    else { return }
    remove(pod)
  }

  /// It is gone, as the cluster has said.
  func remove(_ pod: SandboxPod) {
    gone.insert(pod.uid)
    guard pods[pod.id]?.uid == pod.uid else { return }
    pods[pod.id] = nil
    onPodGone?(pod)
    wake(pod.id)
  }

  // MARK: Waiting

  /// Returns when `condition` holds of the pod (nil: it is gone), or after `ms`. True if it holds.
  func wait(
    _ id: String, ms: UInt64, until condition: (SandboxPod?) -> Bool
  ) async -> Bool {
    let deadline = LoopActor.loop.nowMs + ms
    while !condition(pods[id]) {
      let now = LoopActor.loop.nowMs
      if now >= deadline { return false }
      await waitForChange(id, ms: deadline - now)
    }
    return true
  }

  private func waitForChange(_ id: String, ms: UInt64) async {
    lastWaiter += 1
    let ticket = lastWaiter
    let timer = LoopActor.loop.after(ms: ms) { [self] in
      waiters.removeValue(forKey: ticket)?.wake()
    }
    await withCheckedContinuation { continuation in
      waiters[ticket] = (id, { continuation.resume() })
    }
    timer.cancel()
  }

  private func wake(_ id: String) {
    for (ticket, waiter) in waiters where waiter.id == id {
      waiters[ticket] = nil
      waiter.wake()
    }
  }
}
