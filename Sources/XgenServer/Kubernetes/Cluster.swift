/// The sandboxes' namespace, as the backend asks of it.
@LoopActor
struct Cluster {
  let client: KubernetesClient
  let namespace: String

  nonisolated init(client: KubernetesClient, namespace: String) {
    self.client = client
    self.namespace = namespace
  }

  /// Nil if there is none of that name.
  func get(
    _ resource: KubernetesResource, _ name: String,
    timeoutMs: UInt64 = KubernetesLimits.requestTimeoutMs
  ) async throws(KubernetesError) -> JSONValue? {
    var request = KubernetesRequest.get(resource, in: namespace, name)
    request.timeoutMs = timeoutMs
    do throws(KubernetesError) {
      return try await client.send(request).body
    } catch {
      if case .notFound = error { return nil }
      throw error
    }
  }

  /// The object as it was created.
  func create(
    _ resource: KubernetesResource, _ object: JSONValue
  ) async throws(KubernetesError) -> JSONValue {
    var request = KubernetesRequest.create(resource, in: namespace, object)
    request.timeoutMs = KubernetesBackendLimits.createTimeoutMs
    return try await client.send(request).body
  }

  /// The object as it is then.
  func mergePatch(
    _ resource: KubernetesResource, _ name: String, _ patch: JSONValue
  ) async throws(KubernetesError) -> JSONValue {
    try await client.send(.patch(resource, in: namespace, name, .mergePatch, patch)).body
  }

  func replace(
    _ resource: KubernetesResource, _ name: String, _ object: JSONValue,
    timeoutMs: UInt64 = KubernetesLimits.requestTimeoutMs
  ) async throws(KubernetesError) -> JSONValue {
    var request = KubernetesRequest.replace(resource, in: namespace, name, object)
    request.timeoutMs = timeoutMs
    return try await client.send(request).body
  }

  /// False if there was none, or another of that name.
  @discardableResult
  func delete(
    _ resource: KubernetesResource, _ name: String, uid: String?, graceSeconds: Int? = nil
  ) async throws(KubernetesError) -> Bool {
    do throws(KubernetesError) {
      _ = try await client.send(
        .delete(
          resource, in: namespace, name, gracePeriodSeconds: graceSeconds, preconditionUID: uid))
      return true
    } catch {
      switch error {
      case .notFound, .conflict: return false
      default: throw error
      }
    }
  }

  func list(
    _ resource: KubernetesResource, _ kind: SandboxNames.Kind
  ) async throws(KubernetesError) -> [JSONValue] {
    try await client.list(selection(resource, kind)).items
  }

  func selection(
    _ resource: KubernetesResource, _ kind: SandboxNames.Kind
  ) -> KubernetesSelection {
    KubernetesSelection(
      resource: resource, namespace: namespace, labelSelector: kind.selector)
  }
}

extension BackendError {
  /// What the cluster said, in the words of backends.
  init(_ error: KubernetesError) {
    switch error {
    case .quotaExceeded: self = .noRoom("\(error)")
    case .notFound: self = .unknownSandbox
    case .forbidden, .invalid, .alreadyExists, .conflict, .gone: self = .failed("\(error)")
    case .unreachable, .unauthorized, .tooManyRequests, .server, .malformed, .stopped:
      self = .unavailable("the cluster can't be asked now: \(error)")
    }
  }
}
