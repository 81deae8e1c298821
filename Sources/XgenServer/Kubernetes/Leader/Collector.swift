internal import Logging
internal import Reactor

/// Removes what is left of sandboxes: ends that need not be known any more, pods whose end is written
/// down and whose deleter has died, Secrets without a pod. Only the leader does so, and only of what
/// it sees as it is now. Nothing is touched that does not carry our labels and our names.
@LoopActor
final class Collector {
  private let cluster: Cluster
  private let mirror: SandboxMirror
  private let clock: Clock
  private let log: Logger
  private var timer: Timer?
  private var isCollecting = false
  /// Loop time at which a pod was first seen on its way out, by uid.
  private var leavingSinceMs: [String: UInt64] = [:]
  /// This replica leads.
  var isActive = false

  init(cluster: Cluster, mirror: SandboxMirror, clock: Clock, log: Logger) {
    self.cluster = cluster
    self.mirror = mirror
    self.clock = clock
    self.log = log
  }

  func start() {
    timer = LoopActor.loop.every(ms: KubernetesBackendLimits.collectMs) { [unowned self] in
      if isCollecting || !mayAct { return }
      isCollecting = true
      LoopActor.task { await self.collect() }
    }
  }

  func stop() {
    isActive = false
    timer?.cancel()
    timer = nil
  }

  private var mayAct: Bool { isActive && mirror.staleReason == nil }

  private func collect() async {
    defer { isCollecting = false }
    do throws(KubernetesError) {
      try await collectEnds()
      try await collectPods()
      try await collectSecrets()
    } catch {
      log.debug("collecting can't go on now", metadata: ["error": "\(error)"])
    }
  }

  private func collectEnds() async throws(KubernetesError) {
    let now = clock.nowMs()
    for end in mirror.ends.values.filter({ $0.isOver(nowMs: now) }) where mayAct {
      // Its pod is still there, and would be taken for a sandbox that goes on.
      if mirror.pods[end.stone.id] != nil { continue }
      try await cluster.delete(
        .configMaps, SandboxNames.end(end.stone.id), uid: end.uid)
    }
  }

  private func collectPods() async throws(KubernetesError) {
    let now = LoopActor.loop.nowMs
    let ending = mirror.pods.values.filter { mirror.ends[$0.id] != nil || $0.isBeingDeleted }
    leavingSinceMs = leavingSinceMs.filter { uid, _ in ending.contains { $0.uid == uid } }
    for pod in ending where mayAct {
      let since = leavingSinceMs[pod.uid] ?? now
      leavingSinceMs[pod.uid] = since
      // Whoever ends it now is at it.
      let isForced = now - since >= KubernetesBackendLimits.forceAfterMs
      if pod.isBeingDeleted && !isForced { continue }
      if !pod.isBeingDeleted && now - since < KubernetesBackendLimits.collectMs { continue }
      log.info(
        "a pod that was left behind is deleted",
        metadata: ["pod": "\(pod.name)", "forced": "\(isForced)"])
      let grace = isForced ? 0 : KubernetesBackendLimits.graceSeconds
      try await cluster.delete(.pods, pod.name, uid: pod.uid, graceSeconds: grace)
    }
  }

  private func collectSecrets() async throws(KubernetesError) {
    let now = clock.nowMs()
    for secret in try await cluster.list(.secrets, .sandbox) where mayAct {
      guard let id = secret["metadata"]?["labels"]?[SandboxNames.idLabel]?.stringValue,
        let name = KubernetesObject.name(secret), name == SandboxNames.sandbox(id),
        let uid = KubernetesObject.uid(secret),
        let made = secret["metadata"]?["creationTimestamp"]?.stringValue.flatMap({ Timestamp($0) }),
        now - made.unixSeconds * 1000 >= KubernetesBackendLimits.orphanAgeMs
      else { continue }
      if let pod = mirror.pods[id] {
        let owners = secret["metadata"]?["ownerReferences"]?.arrayValue ?? []
        if !owners.isEmpty { continue }
        _ = try await cluster.mergePatch(
          .secrets, name, SecretManifest.ownership(podName: pod.name, podUID: pod.uid))
      } else {
        log.info("a Secret that was left behind is deleted", metadata: ["secret": "\(name)"])
        try await cluster.delete(.secrets, name, uid: uid)
      }
    }
  }
}
