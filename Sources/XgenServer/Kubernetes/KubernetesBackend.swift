internal import Logging
internal import Reactor
internal import XgenProtocol

/// Sandboxes as pods. The cluster is the only memory: every replica of this server watches it and
/// serves any sandbox, and what this object holds can be had again by asking.
@LoopActor
final class KubernetesBackend: SandboxBackend {
  let name = "kubernetes"
  let keepsSandboxesAtShutdown = true
  let tellsReadiness = true
  var sidecarPort: UInt16? { options.sidecarPort }
  var onEvent: ((SandboxEvent) -> Void)?

  let cluster: Cluster
  let options: KubernetesOptions
  let templates: PodTemplates
  let mirror: SandboxMirror
  let clock: Clock
  let log: Logger
  let leader: Leader
  let pool: WarmPool
  let collector: Collector
  /// From which sidecars' tokens are derived.
  private let tokenSecret: [UInt8]
  let desktops: DesktopPasswords
  /// What the catalog was told of each sandbox.
  private var told: [String: Told] = [:]
  /// Sandboxes whose create has failed while the cluster may have made them all the same.
  var unwanted = RecentNames(limit: KubernetesBackendLimits.maxGonePods)
  private var isTelling = false
  private var watches: [KubernetesWatch] = []

  private struct Told {
    let uid: String
    var isRunning = false
    var hasFailed = false
    var isEnding = false
    var isGone = false
    var expiresAtMs: Int64
    var linkEpoch: Int
  }

  init(
    client: KubernetesClient, options: KubernetesOptions, templates: PodTemplates,
    tokenSecret: [UInt8], desktops: DesktopPasswords, clock: Clock = .system, log: Logger
  ) {
    cluster = Cluster(client: client, namespace: options.namespace)
    self.options = options
    self.templates = templates
    self.tokenSecret = tokenSecret
    self.desktops = desktops
    self.clock = clock
    self.log = log
    mirror = SandboxMirror(log: log)
    leader = Leader(cluster: cluster, clock: clock, log: log)
    pool = WarmPool(
      cluster: cluster, mirror: mirror, options: options, templates: templates, clock: clock,
      log: log)
    collector = Collector(cluster: cluster, mirror: mirror, clock: clock, log: log)
  }

  // MARK: Start and end

  /// Checks that the cluster lets us do what we must, and looks at what there is. The records are
  /// told by `didStart`.
  func start() async throws(BackendError) -> [SandboxRecord] {
    do throws(AccessCheck.Failure) { try await AccessCheck(cluster).run() } catch {
      throw .unavailable(error.description)
    }
    mirror.onPod = { [unowned self] in podDidChange($0) }
    mirror.onPodGone = { [unowned self] in podIsGone($0) }
    mirror.onEnd = { [unowned self] in tell($0) }
    let client = cluster.client
    watches = [
      client.watch(cluster.selection(.pods, .sandbox)) { [weak self] in
        self?.mirror.takePods($0)
      },
      client.watch(cluster.selection(.configMaps, .end)) { [weak self] in
        self?.mirror.takeEnds($0)
      },
    ]
    do throws(KubernetesError) { for watch in watches { try watch.start() } } catch {
      throw .unavailable("\(error)")
    }
    try await waitForFirstLists()
    return []
  }

  private func waitForFirstLists() async throws(BackendError) {
    let deadline = LoopActor.loop.nowMs + KubernetesBackendLimits.firstListMs
    while !mirror.isWhole {
      if LoopActor.loop.nowMs >= deadline {
        let why = mirror.staleReason ?? "it took too long"
        throw .unavailable("the cluster's sandboxes can't be listed: \(why)")
      }
      await pause(ms: 20)
    }
  }

  func didStart() {
    isTelling = true
    for end in mirror.ends.values { tell(end) }
    for pod in mirror.pods.values { tell(pod) }
    pool.makeSecret = { [unowned self] in secret(id: $0, environment: $1, mark: nil) }
    leader.onChange = { [unowned self] isLeader in
      pool.isActive = isLeader
      collector.isActive = isLeader
    }
    leader.start()
    pool.start()
    collector.start()
  }

  /// Sandboxes live on; another replica may lead at once.
  func shutdown() async {
    pool.stop()
    collector.stop()
    await leader.stop(releasing: mirror.staleReason == nil)
    for watch in watches { await watch.stop() }
    watches = []
    cluster.client.close()
  }

  var endsExpired: Bool { leader.isLeading && mirror.staleReason == nil }

  func pause(ms: UInt64) async {
    await withCheckedContinuation { waiting in
      LoopActor.loop.after(ms: ms) { waiting.resume() }
    }
  }

  // MARK: What the catalog is told

  private func podDidChange(_ pod: SandboxPod) {
    pool.look()
    if unwanted.contains(pod.id), pod.pool == nil, !pod.isBeingDeleted {
      LoopActor.task { await self.removeUnwanted(pod) }
    }
    tell(pod)
  }

  private func podIsGone(_ pod: SandboxPod) {
    pool.look()
    unwanted.remove(pod.id)
    guard isTelling, let known = told.removeValue(forKey: pod.id), !known.isGone else { return }
    onEvent?(.gone(id: pod.id))
  }

  func retell(id: String) {
    told[id] = nil
    if let pod = mirror.pods[id] { tell(pod) }
  }

  private func tell(_ end: EndManifest) {
    if isTelling { onEvent?(.ending(end.stone, end.claim)) }
  }

  private func tell(_ pod: SandboxPod) {
    guard isTelling, let record = pod.record, !unwanted.contains(pod.id) else { return }
    if told[pod.id]?.uid != pod.uid {
      told[pod.id] = Told(
        uid: pod.uid, expiresAtMs: record.expiresAtMs, linkEpoch: record.previews.linkEpoch)
      onEvent?(.appeared(record, pod.claim))
    }
    guard var known = told[pod.id] else { return }
    defer { told[pod.id] = known }
    if record.expiresAtMs > known.expiresAtMs {
      known.expiresAtMs = record.expiresAtMs
      onEvent?(.extended(id: pod.id, toMs: record.expiresAtMs))
    }
    if record.previews.linkEpoch > known.linkEpoch {
      known.linkEpoch = record.previews.linkEpoch
      onEvent?(.revoked(id: pod.id, linkEpoch: known.linkEpoch))
    }
    if let end = mirror.ends[pod.id], !known.isEnding {
      known.isEnding = true
      onEvent?(.ending(end.stone, end.claim))
    } else if pod.isBeingDeleted, !known.isEnding {
      known.isEnding = true
      let stone = Tombstones.Entry(
        id: pod.id, owner: record.owner, end: .evicted, atMs: clock.nowMs())
      onEvent?(.ending(stone, pod.claim))
    }
    if known.isEnding {
      // As for whoever ends it: nothing runs any more, though the cluster has not forgotten it yet.
      if pod.isBeingDeleted, pod.hasEnded, !known.isGone {
        known.isGone = true
        onEvent?(.gone(id: pod.id))
      }
      return
    }
    if let problem = pod.problem, !known.hasFailed {
      known.hasFailed = true
      onEvent?(.failed(id: pod.id, reason: problem))
    } else if pod.isReady, !known.isRunning {
      known.isRunning = true
      onEvent?(.running(id: pod.id))
    }
  }

  // MARK: Connections

  /// The token that this server and the sidecar of a sandbox share. It is derived, so that every
  /// replica has it without asking the cluster.
  func token(_ id: String) -> String {
    Base64URL.encode(HMACSHA256.code(for: Array("sidecar \(id)".utf8), key: tokenSecret))
  }

  /// A connection on which both ends prove that they are who they must be, before anything else.
  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream {
    guard let pod = mirror.pods[id] else { throw .unknownSandbox }
    if pod.hasEnded { throw .failed("the sandbox's pod has ended: \(pod.problem ?? "no reason")") }
    guard let address = pod.sidecar else { throw .failed("the sandbox's pod has no address yet") }
    switch destination {
    case .sidecar:
      do throws(UVError) {
        let stream = try SocketStream.connect(loop: LoopActor.loop, to: address)
        stream.open(by: ServerOpening(token: Array(token(id).utf8)))
        return stream
      } catch {
        throw .failed("the sandbox's pod can't be reached: \(error)")
      }
    }
  }
}

/// The server's end of the proof as a stream's opening.
final class ServerOpening: StreamOpening {
  private var proof: ServerProof

  init(token: [UInt8]) {
    proof = ServerProof(token: token, nonce: SystemRandom.bytes(SidecarProof.nonceBytes))
  }

  var firstBytes: [UInt8] { proof.hello }
  var wantedByteCount: Int { proof.wantedByteCount }

  func receive(_ bytes: [UInt8]) throws(StreamOpeningFailure) -> [UInt8] {
    do throws(SidecarProof.Failure) { return try proof.receive(bytes) } catch {
      throw StreamOpeningFailure("the pod at this address is not the sandbox's: \(error.text)")
    }
  }
}
