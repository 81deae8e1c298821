internal import Logging
internal import Reactor
internal import XgenProtocol

/// How a pod of the warm pool becomes somebody's sandbox.
extension KubernetesBackend {
  /// Requests that a warm pod can't serve start cold: it has the template's own resources and no
  /// desktop, and a name that no Idempotency-Key leads to.
  func takeWarm(for record: SandboxRecord) -> String? {
    guard record.idempotency == nil, !record.gui, record.resources == .init() else { return nil }
    return pool.reserve(record.template)
  }

  /// Takes the reserved pod. Which of several claims comes first the resourceVersion decides; from
  /// then on it is labelled as nobody's pool's.
  func claim(_ record: SandboxRecord) async throws(BackendError) {
    defer {
      pool.release(record.id)
      pool.look()
    }
    guard let pod = mirror.pods[record.id], pod.pool != nil else {
      throw .taken("the warm pod was given to another")
    }
    let claimed: SandboxPod
    do throws(KubernetesError) {
      let object = try await cluster.mergePatch(.pods, pod.name, claimPatch(pod, record))
      guard let noted = mirror.note(object) else { throw .malformed("the claimed pod is none") }
      claimed = noted
    } catch {
      switch error {
      case .conflict: claimed = try await claimedAlready(record)
      case .notFound: throw .taken("the warm pod was given to another")
      default:
        // It may be ours all the same: then nobody was told of it.
        unwanted.insert(record.id)
        throw BackendError(error)
      }
    }
    try await handOver(record, to: claimed)
    retell(id: record.id)
  }

  /// A claim that was sent twice, since its first answer was lost, meets itself.
  private func claimedAlready(_ record: SandboxRecord) async throws(BackendError) -> SandboxPod {
    if let pod = try await existingPod(record.id), pod.record == record.withoutEnvironment {
      return pod
    }
    throw .taken("the warm pod was given to another")
  }

  private func claimPatch(_ pod: SandboxPod, _ record: SandboxRecord) -> JSONValue {
    [
      "metadata": [
        "resourceVersion": .string(pod.resourceVersion),
        "labels": .members([
          (SandboxNames.poolLabel, .null),
          (SandboxNames.ownerLabel, .string(SandboxNames.ownerLabelValue(record.owner))),
        ]),
        "annotations": .members(
          SandboxAnnotations.of(record) + [(SandboxAnnotations.specHash, .null)]),
      ]
    ]
  }

  /// The sidecar learns whose it has become over a connection that it has proved to be the one at
  /// the other end of.
  private func handOver(
    _ record: SandboxRecord, to pod: SandboxPod
  ) async throws(BackendError) {
    if record.env.isEmpty { return }
    let block = EnvironmentBlock.encode(record.env)
    var request = HTTPClientRequest(target: "/environment", host: SidecarClient.host)
    request.method = .put
    request.body = .bytes(block)
    request.timeouts = HTTPClientTimeouts(wholeMs: PoolLimits.handOverMs)
    let stream = try dial(id: record.id, .sidecar)
    let result: Result<HTTPClientResponse, HTTPClientError> = await withCheckedContinuation {
      waiting in
      request.send(over: stream) { waiting.resume(returning: $0) }
    }
    if case .success(let response) = result, response.head.status == 204 {
      return keepEnvironment(record, pod)
    }
    unwanted.insert(record.id)
    await removeUnwanted(pod)
    throw .taken("the warm pod did not take its environment")
  }

  /// For completeness: nothing reads it again.
  private func keepEnvironment(_ record: SandboxRecord, _ pod: SandboxPod) {
    let template = templates[record.template]?.environment ?? [:]
    let patch = SecretManifest.environment(template.merging(record.env) { $1 })
    LoopActor.task {
      do throws(KubernetesError) {
        _ = try await self.cluster.mergePatch(.secrets, pod.name, patch)
      } catch {
        self.log.debug(
          "the Secret of a claimed pod keeps its old environment",
          metadata: ["secret": "\(pod.name)", "error": "\(error)"])
      }
    }
  }
}
