internal import Logging
internal import Reactor

/// Later expiries, and ends.
extension KubernetesBackend {
  /// Moves the expiry and the links' epoch in the pod's annotations, never back, and not once its
  /// end is decided: both name the resourceVersion that they have seen, so that one of them comes
  /// first.
  func update(_ record: SandboxRecord) async throws(BackendError) {
    for attempt in 0..<KubernetesBackendLimits.maxConflicts {
      guard let pod = try await currentPod(record.id, isFresh: attempt == 0),
        let known = pod.record, !pod.isMarkedForEnd, !pod.isBeingDeleted,
        mirror.ends[record.id] == nil
      else { throw .unknownSandbox }
      let later = [
        (SandboxAnnotations.expiresAt, known.expiresAtMs, record.expiresAtMs),
        (
          SandboxAnnotations.linkEpoch, Int64(known.previews.linkEpoch),
          Int64(record.previews.linkEpoch)
        ),
      ].filter { $0.1 < $0.2 }
      if later.isEmpty { return }
      let patch = annotationPatch(pod, later.map { ($0.0, "\($0.2)") })
      do throws(KubernetesError) {
        mirror.note(try await cluster.mergePatch(.pods, pod.name, patch))
        return
      } catch {
        guard case .conflict = error else { throw BackendError(error) }
      }
    }
    throw .failed("too many others change the sandbox's pod at once")
  }

  /// Decides for all replicas that an expired sandbox ends. Nothing is decided while the cluster
  /// can't be asked.
  func claimExpiry(of record: SandboxRecord) async -> Bool {
    guard endsExpired else { return false }
    do {
      guard let pod = try await currentPod(record.id, isFresh: false), let known = pod.record,
        known.expiresAtMs <= clock.nowMs(), leader.isLeading
      else { return false }
      if pod.isMarkedForEnd { return true }
      let patch = annotationPatch(
        pod, [(SandboxAnnotations.ending, SandboxEnd.expired.rawValue)])
      mirror.note(try await cluster.mergePatch(.pods, pod.name, patch))
      return true
    } catch {
      log.debug(
        "an expiry can't be claimed now",
        metadata: ["sandbox": "\(record.id)", "error": "\(error)"])
      return false
    }
  }

  private func annotationPatch(
    _ pod: SandboxPod, _ texts: [(name: String, value: String)]
  ) -> JSONValue {
    [
      "metadata": [
        "resourceVersion": .string(pod.resourceVersion),
        "annotations": .members(texts.map { ($0.name, JSONValue.string($0.value)) }),
      ]
    ]
  }

  /// As the mirror has it, or, where that may be old, as the cluster has it.
  private func currentPod(
    _ id: String, isFresh: Bool
  ) async throws(BackendError) -> SandboxPod? {
    if isFresh, let pod = mirror.pods[id] { return pod }
    do throws(KubernetesError) {
      guard let object = try await cluster.get(.pods, SandboxNames.sandbox(id)) else {
        if let pod = mirror.pods[id] { mirror.remove(pod) }
        return nil
      }
      return mirror.note(object)
    } catch {
      throw BackendError(error)
    }
  }

  // MARK: Ends

  /// Whoever writes first decides how it ended.
  func keepEnd(_ stone: Tombstones.Entry, of record: SandboxRecord) async throws(BackendError) {
    let claim = mirror.pods[record.id]?.claim ?? IdempotencyClaim(record)
    let end = EndManifest(stone: stone, claim: claim)
    do throws(KubernetesError) {
      let made = try await cluster.create(
        .configMaps, end.object(namespace: options.namespace))
      if let made = EndManifest(made) { mirror.note(made) }
    } catch {
      if case .alreadyExists = error { return }
      throw BackendError(error)
    }
  }

  /// Returns when no process of the pod runs any more; by force, if it must be. What can't be done
  /// now the collector does: the end is written down.
  func delete(id: String) async {
    guard let pod = mirror.pods[id] else { return }
    // The pod's end takes its Secret along, but not at once.
    defer { removeSecret(id) }
    do throws(KubernetesError) {
      // Where nothing of the client's has run there is nothing to be kind to, and a kubelet that is
      // still starting containers may come to the end of them late.
      let grace = pod.hasStarted ? KubernetesBackendLimits.graceSeconds : 0
      try await remove(pod, graceSeconds: grace)
      if await isOver(pod, withinMs: KubernetesBackendLimits.forceAfterMs) { return }
      log.warning(
        "a pod did not end in time and is removed by force",
        metadata: ["pod": "\(pod.name)"])
      try await remove(pod, graceSeconds: 0)
      if await isOver(pod, withinMs: KubernetesBackendLimits.goneAfterForceMs) { return }
      log.warning("a deleted pod is still there", metadata: ["pod": "\(pod.name)"])
    } catch {
      log.warning(
        "a pod can't be deleted now; it will be later",
        metadata: ["pod": "\(pod.name)", "error": "\(error)"])
    }
  }

  private func remove(_ pod: SandboxPod, graceSeconds: Int) async throws(KubernetesError) {
    let wasThere = try await cluster.delete(
      .pods, pod.name, uid: pod.uid, graceSeconds: graceSeconds)
    if !wasThere { mirror.remove(pod) }
  }

  private func isOver(_ pod: SandboxPod, withinMs: UInt64) async -> Bool {
    await mirror.wait(pod.id, ms: withinMs) { now in
      now?.uid != pod.uid || now?.hasEnded == true && now?.isBeingDeleted == true
    }
  }
}
