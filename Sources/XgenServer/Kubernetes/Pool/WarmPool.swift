internal import Logging
internal import Reactor

/// Pods that run before anybody asks for them, so that a create need not wait for one to start.
///
/// Any replica may give one away: the claim names the resourceVersion that it has seen, so that of two
/// claims one fails. Only the leader makes new ones.
@LoopActor
final class WarmPool {
  private let cluster: Cluster
  private let mirror: SandboxMirror
  private let options: KubernetesOptions
  private let templates: PodTemplates
  private let clock: Clock
  private let log: Logger
  /// How many of each template are to wait.
  private let wanted: [String: Int]
  /// By template: what tells a pod of it from one that was made of another.
  private let specHashes: [String: String]
  private var timer: Timer?
  private var isLookDue = false
  /// Pods that this replica is about to give away, by id.
  private var reserved: Set<String> = []
  /// Pods of the pool whose creation is under way, by template.
  private var making: [String: Int] = [:]
  private var failures = 0
  /// Loop time before which nothing is made.
  private var pausedUntilMs: UInt64 = 0
  private var deleting: Set<String> = []
  /// Makes a pod's Secret, by its id and the environment. Set once, before `start`.
  var makeSecret: ((String, [String: String]) -> JSONValue)?
  /// This replica leads.
  var isActive = false { didSet { if isActive { look() } } }

  init(
    cluster: Cluster, mirror: SandboxMirror, options: KubernetesOptions, templates: PodTemplates,
    clock: Clock, log: Logger
  ) {
    self.cluster = cluster
    self.mirror = mirror
    self.options = options
    self.templates = templates
    self.clock = clock
    self.log = log
    var wanted: [String: Int] = [:]
    for name in templates.byName.keys {
      let size = options.warmPoolSizes[name] ?? options.warmPoolSize
      if size > 0 { wanted[name] = size }
    }
    self.wanted = wanted
    specHashes = templates.byName.reduce(into: [:]) { hashes, entry in
      hashes[entry.key] = Self.specHash(entry.key, entry.value, options)
    }
  }

  func start() {
    timer = LoopActor.loop.every(ms: PoolLimits.lookMs) { [unowned self] in look() }
  }

  func stop() {
    isActive = false
    timer?.cancel()
    timer = nil
  }

  // MARK: Giving away

  /// A pod that is ready, which this replica gives to nobody else until `release`. Any of them, so
  /// that replicas seldom want the same one.
  func reserve(_ template: String) -> String? {
    let ready = mirror.pods.values.filter { $0.pool == template && isUsable($0) }
    guard let pod = ready.randomElement() else { return nil }
    reserved.insert(pod.id)
    return pod.id
  }

  func isReserved(_ id: String) -> Bool { reserved.contains(id) }

  func release(_ id: String) { reserved.remove(id) }

  private func isUsable(_ pod: SandboxPod) -> Bool {
    pod.isReady && pod.problem == nil && !pod.isBeingDeleted && !reserved.contains(pod.id)
      && pod.sidecar != nil && isCurrent(pod)
  }

  /// It was made from what the template says now.
  private func isCurrent(_ pod: SandboxPod) -> Bool {
    guard let name = pod.pool, let hash = specHashes[name] else { return false }
    return pod.specHash == hash
  }

  // MARK: Making

  /// Looks what is missing, in a turn of its own.
  func look() {
    if !isActive || isLookDue { return }
    isLookDue = true
    LoopActor.loop.after(ms: 0) { [unowned self] in
      isLookDue = false
      if isActive && mirror.staleReason == nil { balance() }
    }
  }

  private func balance() {
    let waiting = mirror.pods.values.filter { $0.pool != nil && !$0.isBeingDeleted }
    for pod in waiting where shouldGo(pod) { remove(pod) }
    let broken = waiting.first { $0.problem != nil && !deleting.contains($0.uid) }
    if let problem = broken?.problem {
      pause("a pod of the warm pool does not start: \(problem)")
    }
    for pod in waiting where pod.problem != nil { remove(pod) }
    if LoopActor.loop.nowMs < pausedUntilMs { return }
    let kept = waiting.filter { !deleting.contains($0.uid) }
    // Pods that can be made are not yet pods that start.
    if !kept.isEmpty, kept.allSatisfy(\.isReady) { failures = 0 }
    var starting = kept.count { !$0.isReady } + making.values.reduce(0, +)
    for (name, size) in wanted.sorted(by: { $0.key < $1.key }) {
      var missing = size - kept.count { $0.pool == name } - making[name, default: 0]
      while missing > 0, starting < PoolLimits.maxStarting {
        make(name)
        missing -= 1
        starting += 1
      }
    }
    removeSurplus(kept)
  }

  private func shouldGo(_ pod: SandboxPod) -> Bool {
    if reserved.contains(pod.id) || deleting.contains(pod.uid) { return false }
    return !isCurrent(pod) || clock.nowMs() - pod.createdAtMs > PoolLimits.maxAgeMs
  }

  private func removeSurplus(_ kept: [SandboxPod]) {
    for (name, pods) in Dictionary(grouping: kept, by: { $0.pool ?? "" }) {
      let surplus = pods.count - wanted[name, default: 0]
      guard surplus > 0 else { continue }
      let free = pods.filter { !reserved.contains($0.id) && !deleting.contains($0.uid) }
      for pod in free.sorted(by: { !$0.isReady && $1.isReady }).prefix(surplus) { remove(pod) }
    }
  }

  private func make(_ name: String) {
    guard let template = templates[name], let hash = specHashes[name], let makeSecret else {
      return
    }
    making[name, default: 0] += 1
    let id = SandboxID.random()
    let secret = makeSecret(id, template.environment)
    let pod = Self.manifest(id, name, template, options).poolObject(hash)
    LoopActor.task { await self.make(name, secret, pod) }
  }

  private func make(_ name: String, _ secret: JSONValue, _ pod: JSONValue) async {
    defer { making[name, default: 0] -= 1 }
    do throws(KubernetesError) {
      _ = try await cluster.create(.secrets, secret)
      guard let made = mirror.note(try await cluster.create(.pods, pod)) else { return }
      _ = try await cluster.mergePatch(
        .secrets, made.name, SecretManifest.ownership(podName: made.name, podUID: made.uid))
    } catch {
      pause("a pod for the warm pool can't be made: \(error)")
    }
  }

  private static func manifest(
    _ id: String, _ name: String, _ template: PodTemplate, _ options: KubernetesOptions
  ) -> PodManifest {
    PodManifest(
      id: id, templateName: name, template: template, limits: template.defaults, record: nil,
      options: options)
  }

  /// Of all that is the same for every pod of the template.
  private static func specHash(
    _ name: String, _ template: PodTemplate, _ options: KubernetesOptions
  ) -> String {
    let object = manifest(String(repeating: "a", count: 16), name, template, options).object
    return String(SHA256.hexHash(object.serialized()).prefix(32))
  }

  private func remove(_ pod: SandboxPod) {
    guard deleting.insert(pod.uid).inserted else { return }
    LoopActor.task { await self.delete(pod) }
  }

  private func delete(_ pod: SandboxPod) async {
    defer { deleting.remove(pod.uid) }
    // What can't be deleted now is seen again at the next look.
    _ = try? await cluster.delete(.pods, pod.name, uid: pod.uid, graceSeconds: 0)
  }

  private func pause(_ reason: String) {
    failures += 1
    let delay = min(
      PoolLimits.backoffMs.upperBound,
      PoolLimits.backoffMs.lowerBound << UInt64(min(failures - 1, 16)))
    let until = LoopActor.loop.nowMs + delay
    if until > pausedUntilMs {
      pausedUntilMs = until
      log.warning("\(reason)", metadata: ["again_in_ms": "\(delay)"])
    }
  }
}
