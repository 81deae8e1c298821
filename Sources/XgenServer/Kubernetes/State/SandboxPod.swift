internal import Reactor

/// A pod of ours as the cluster tells it, with what the backend needs of it. Pure.
struct SandboxPod: Sendable, Equatable {
  let id: String
  let uid: String
  let resourceVersion: String
  let template: String
  /// The template in whose pool it waits.
  let pool: String?
  /// What it was made from, while it waits.
  let specHash: String?
  /// Nil while it waits in a pool.
  let record: SandboxRecord?
  let answeredExpiresAtMs: Int64?
  /// Where its sidecar listens, once it has an address.
  let sidecar: SocketAddress?
  let isReady: Bool
  /// Why it does not run, in Kubernetes' words.
  let problem: String?
  /// Its runtime container runs, or has run.
  let hasStarted: Bool
  /// Nothing runs in it any more.
  let hasEnded: Bool
  /// Somebody has asked for its deletion.
  let isBeingDeleted: Bool
  /// Its end is decided: no keepalive comes before it.
  let isMarkedForEnd: Bool
  /// By the cluster's clock.
  let createdAtMs: Int64

  var name: String { SandboxNames.sandbox(id) }

  /// Nil for what is no pod that we have made. Its labels must agree with its name: the name is
  /// what every request to the cluster goes by.
  init?(_ object: JSONValue) {
    guard let metadata = object["metadata"], let labels = metadata["labels"],
      labels[SandboxNames.nameLabel]?.stringValue == SandboxNames.Kind.sandbox.rawValue,
      let id = labels[SandboxNames.idLabel]?.stringValue,
      metadata["name"]?.stringValue == SandboxNames.sandbox(id),
      let uid = metadata["uid"]?.stringValue, !uid.isEmpty,
      let version = KubernetesObject.resourceVersion(object),
      let template = labels[SandboxNames.templateLabel]?.stringValue
    else { return nil }
    self.id = id
    self.uid = uid
    resourceVersion = version
    self.template = template
    pool = labels[SandboxNames.poolLabel]?.stringValue
    let annotations = metadata["annotations"]?.objectValue ?? [:]
    if pool == nil {
      guard
        let record = SandboxAnnotations.record(id: id, template: template, annotations)
      else { return nil }
      self.record = record
    } else {
      record = nil
    }
    answeredExpiresAtMs = SandboxAnnotations.moment(
      annotations[SandboxAnnotations.answeredExpiresAt]?.stringValue)
    specHash = annotations[SandboxAnnotations.specHash]?.stringValue
    isMarkedForEnd = annotations[SandboxAnnotations.ending] != nil
    isBeingDeleted = metadata["deletionTimestamp"]?.stringValue != nil
    createdAtMs =
      metadata["creationTimestamp"]?.stringValue.flatMap { Timestamp($0) }.map {
        $0.unixSeconds * 1000
      } ?? 0
    let status = object["status"] ?? .null
    sidecar = Self.sidecar(object["spec"] ?? .null, status)
    isReady = PodStatus.isReady(status)
    problem = PodStatus.problem(status)
    hasStarted = PodStatus.hasStarted(status)
    hasEnded = PodStatus.hasEnded(status)
  }

  /// The port is the pod's own: the setting may have changed since.
  private static func sidecar(_ spec: JSONValue, _ status: JSONValue) -> SocketAddress? {
    guard let ip = status["podIP"]?.stringValue, !ip.isEmpty else { return nil }
    let containers = spec["containers"]?.arrayValue ?? []
    let ports = containers.first { $0["name"]?.stringValue == SandboxNames.runtimeContainer }?[
      "ports"]
    let port = (ports?.arrayValue ?? []).first {
      $0["name"]?.stringValue == SandboxNames.sidecarPort
    }?["containerPort"]?.intValue
    guard let port, let number = UInt16(exactly: port), number > 0 else { return nil }
    return SocketAddress(parsing: ip.contains(":") ? "[\(ip)]:\(number)" : "\(ip):\(number)")
  }

  /// What its Idempotency-Key stands for, as it was first answered.
  var claim: IdempotencyClaim? {
    guard var first = record else { return nil }
    first.expiresAtMs = answeredExpiresAtMs ?? first.expiresAtMs
    return IdempotencyClaim(first)
  }

  /// Whether it tells a later state than `other`. The API's resourceVersions are opaque; where they
  /// are not numbers the later arrival counts.
  func isNewer(than other: SandboxPod) -> Bool {
    guard uid == other.uid, let mine = UInt64(resourceVersion),
      let theirs = UInt64(other.resourceVersion)
    else { return true }
    return mine >= theirs
  }
}
