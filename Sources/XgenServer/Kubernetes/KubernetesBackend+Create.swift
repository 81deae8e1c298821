internal import Logging
internal import Reactor

/// How pods come into being. A create is acknowledged when the cluster has the pod, and not before.
extension KubernetesBackend {
  func create(_ record: SandboxRecord) async throws(BackendError) {
    if pool.isReserved(record.id) { return try await claim(record) }
    let manifest = try manifest(record)
    unwanted.remove(record.id)
    try await makeSecret(record, manifest.template)
    let pod = try await makePod(manifest.object, record)
    if record.idempotency != nil { try await refuseIfEnded(pod) }
    LoopActor.task { await self.giveSecret(to: pod) }
  }

  private func manifest(_ record: SandboxRecord) throws(BackendError) -> PodManifest {
    guard let template = templates[record.template] else {
      throw .unavailable(
        "template '\(record.template)' needs an image that this server does not know; "
          + "name one in the file of --templates")
    }
    if record.gui, options.desktopImage == nil {
      throw .unavailable(
        "a sandbox with gui needs an image with a desktop, which this server does not know; "
          + "name one by DESKTOP_IMAGE")
    }
    if let end = mirror.ends[record.id] { throw .hasEnded(end.stone) }
    let limits: SandboxLimits
    do throws(FieldError) { limits = try template.limits(record.resources) } catch {
      throw .invalid(error)
    }
    return PodManifest(
      id: record.id, templateName: record.template, template: template, limits: limits,
      record: record, options: options)
  }

  func secret(
    id: String, environment: [String: String], hasDesktop: Bool = false,
    mark: SandboxRecord.Idempotency?
  ) -> JSONValue {
    SecretManifest.object(
      id: id, token: token(id), environment: environment,
      desktopPassword: hasDesktop ? desktops[id] : nil, mark: mark,
      namespace: options.namespace)
  }

  // MARK: The Secret

  private func makeSecret(
    _ record: SandboxRecord, _ template: PodTemplate
  ) async throws(BackendError) {
    let environment = template.environment.merging(record.env) { $1 }
    let object = secret(
      id: record.id, environment: environment, hasDesktop: record.gui, mark: record.idempotency)
    do throws(KubernetesError) {
      _ = try await cluster.create(.secrets, object)
    } catch {
      guard case .alreadyExists = error, let mark = record.idempotency else {
        throw BackendError(error)
      }
      try await checkSecret(record.id, mark)
    }
  }

  /// Another replica is at the same request, or has died over it. With another body it is another
  /// request, whose environment must not become ours.
  private func checkSecret(
    _ id: String, _ mark: SandboxRecord.Idempotency
  ) async throws(BackendError) {
    let name = SandboxNames.sandbox(id)
    let found: JSONValue?
    do throws(KubernetesError) { found = try await cluster.get(.secrets, name) } catch {
      throw BackendError(error)
    }
    let hash = found?["metadata"]?["annotations"]?[SandboxAnnotations.bodyHash]?.stringValue
    if hash == mark.bodyHash { return }
    if let pod = try await existingPod(id), let record = pod.record {
      throw .exists(record, pod.claim)
    }
    throw .unavailable("another request with this Idempotency-Key is under way")
  }

  /// From then on the cluster removes it with the pod. The collector does so where this fails.
  private func giveSecret(to pod: SandboxPod) async {
    let patch = SecretManifest.ownership(podName: pod.name, podUID: pod.uid)
    do throws(KubernetesError) {
      _ = try await cluster.mergePatch(.secrets, pod.name, patch)
    } catch {
      log.debug(
        "a Secret has no owner yet", metadata: ["secret": "\(pod.name)", "error": "\(error)"])
    }
  }

  func removeSecret(_ id: String) {
    LoopActor.task {
      // What fails here the collector does.
      _ = try? await self.cluster.delete(.secrets, SandboxNames.sandbox(id), uid: nil)
    }
  }

  // MARK: The pod

  private func makePod(
    _ object: JSONValue, _ record: SandboxRecord
  ) async throws(BackendError) -> SandboxPod {
    do throws(KubernetesError) {
      return try noted(try await cluster.create(.pods, object))
    } catch {
      switch error {
      case .alreadyExists: return try await meet(record)
      case .unreachable, .server, .malformed, .stopped:
        return try await findOut(record, after: error)
      default:
        removeSecret(record.id)
        throw BackendError(error)
      }
    }
  }

  private func noted(_ object: JSONValue) throws(KubernetesError) -> SandboxPod {
    guard let pod = mirror.note(object) else {
      throw .malformed("the pod that was created is not the one that was sent")
    }
    return pod
  }

  /// There is a pod of this name.
  private func meet(_ record: SandboxRecord) async throws(BackendError) -> SandboxPod {
    guard let pod = try await existingPod(record.id), let made = pod.record else {
      throw .unavailable("a pod of this name is there, and then is not; try again")
    }
    // Our own first attempt, whose answer was lost.
    if made == record.withoutEnvironment { return pod }
    throw .exists(made, pod.claim)
  }

  /// The request may have been acted on, or not.
  private func findOut(
    _ record: SandboxRecord, after error: KubernetesError
  ) async throws(BackendError) -> SandboxPod {
    do throws(BackendError) {
      if let pod = try await existingPod(record.id), let made = pod.record {
        if made == record.withoutEnvironment { return pod }
        throw .exists(made, pod.claim)
      }
      removeSecret(record.id)
    } catch {
      if case .exists = error { throw error }
    }
    // It may still come into being. With a key the client's next attempt meets it.
    if record.idempotency == nil { unwanted.insert(record.id) }
    throw BackendError(error)
  }

  func existingPod(_ id: String) async throws(BackendError) -> SandboxPod? {
    do throws(KubernetesError) {
      guard let object = try await cluster.get(.pods, SandboxNames.sandbox(id)) else {
        return nil
      }
      return mirror.note(object)
    } catch {
      throw BackendError(error)
    }
  }

  /// A derived id may be that of a sandbox which ended a moment ago elsewhere: whoever ended it has
  /// written that down before its pod was deleted, so that it is there to be read by now.
  private func refuseIfEnded(_ pod: SandboxPod) async throws(BackendError) {
    let end: EndManifest?
    do throws(KubernetesError) {
      end = try await cluster.get(.configMaps, SandboxNames.end(pod.id)).flatMap {
        EndManifest($0)
      }
    } catch {
      unwanted.insert(pod.id)
      await removeUnwanted(pod)
      throw BackendError(error)
    }
    guard let end else { return }
    unwanted.insert(pod.id)
    await removeUnwanted(pod)
    mirror.note(end)
    throw .hasEnded(end.stone)
  }

  func removeUnwanted(_ pod: SandboxPod) async {
    do throws(KubernetesError) {
      try await cluster.delete(.pods, pod.name, uid: pod.uid, graceSeconds: 0)
    } catch {
      log.warning(
        "a pod that nobody was told of can't be deleted yet",
        metadata: ["pod": "\(pod.name)", "error": "\(error)"])
    }
  }

  /// A create cleans up after itself: the catalog knows a name, not which pod is whose.
  func abandon(id: String) async {}
}
