/// Whether the cluster lets this server do all that it must (SelfSubjectAccessReview): a Role that is
/// too small is found at the start, and not by the first client who needs what is missing.
@LoopActor
struct AccessCheck {
  struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    let description: String
  }

  /// What the Role must allow, and nothing else. Of the Leases one alone, by its name; a create has
  /// no name yet that a Role could ask for.
  nonisolated static let needed: [(resource: KubernetesResource, verbs: [String], name: String?)] =
    [
      (.pods, ["create", "get", "list", "watch", "patch", "delete"], nil),
      (.secrets, ["create", "get", "list", "patch", "delete"], nil),
      (.configMaps, ["create", "get", "list", "watch", "delete"], nil),
      (.leases, ["create"], nil),
      (.leases, ["get", "update"], LeaseManifest.name),
    ]

  private let cluster: Cluster

  init(_ cluster: Cluster) { self.cluster = cluster }

  func run() async throws(Failure) {
    let missing = try await missingVerbs()
    if missing.isEmpty { return }
    throw Failure(
      description: "the Kubernetes API does not allow this server to "
        + missing.joined(separator: ", ")
        + " in namespace '\(cluster.namespace)' (as \(cluster.client.configuration.origin)); "
        + "its Role needs these verbs")
  }

  /// Resources are asked for at once: a start should not wait for one answer after the other.
  private func missingVerbs() async throws(Failure) -> [String] {
    let results = await withTaskGroup { group in
      for (index, (resource, verbs, name)) in Self.needed.enumerated() {
        group.addTask(executorPreference: LoopActor.executor) {
          (index, await missingVerbs(verbs, resource, name))
        }
      }
      var results = [Result<[String], Failure>?](repeating: nil, count: Self.needed.count)
      for await (index, result) in group { results[index] = result }
      return results
    }
    var missing: [String] = []
    for result in results { missing += try result?.get() ?? [] }
    return missing
  }

  private func missingVerbs(
    _ verbs: [String], _ resource: KubernetesResource, _ name: String?
  ) async -> Result<[String], Failure> {
    var missing: [String] = []
    do throws(Failure) {
      for verb in verbs where try await !isAllowed(verb, resource, name) {
        missing.append("\(verb) \(resource.plural)")
      }
    } catch {
      return .failure(error)
    }
    return .success(missing)
  }

  private func isAllowed(
    _ verb: String, _ resource: KubernetesResource, _ name: String?
  ) async throws(Failure) -> Bool {
    var attributes: [(String, JSONValue)] = [
      ("namespace", .string(cluster.namespace)), ("verb", .string(verb)),
      ("group", .string(resource.group)), ("resource", .string(resource.plural)),
    ]
    if let name { attributes.append(("name", .string(name))) }
    let review: JSONValue = [
      "apiVersion": .string(KubernetesResource.selfSubjectAccessReviews.apiVersion),
      "kind": "SelfSubjectAccessReview",
      "spec": [
        "resourceAttributes": .members(attributes)
      ],
    ]
    do throws(KubernetesError) {
      let answer = try await cluster.client.send(
        .create(.selfSubjectAccessReviews, in: nil, review))
      return answer.body["status"]?["allowed"] == true
    } catch {
      throw Failure(
        description: "the Kubernetes API at \(cluster.client.configuration.server) can't be used "
          + "(\(cluster.client.configuration.origin)): \(error)")
    }
  }
}
