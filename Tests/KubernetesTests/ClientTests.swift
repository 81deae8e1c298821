import ServerTestSupport
import Testing

@testable import XgenServer

@Suite struct ClientTests {
  @Test func anObjectsLife() async throws {
    try await Cluster.with { cluster in
      let created = try await cluster.create("a", 1)
      let version = try #require(KubernetesObject.resourceVersion(created))
      let again = KubernetesRequest.create(.configMaps, in: cluster.namespace, created)
      #expect(await cluster.failure(again) != nil)
      let twin = KubernetesRequest.create(
        .configMaps, in: cluster.namespace, cluster.configMap("a"))
      guard case .alreadyExists(let text)? = await cluster.failure(twin) else {
        Issue.record("created twice")
        return
      }
      #expect(text.contains("\"a\" already exists"))

      let patched = try await cluster.change("a", 2)
      #expect(patched["data"]?["value"] == "2")
      let stale = KubernetesRequest.replace(
        .configMaps, in: cluster.namespace, "a", cluster.configMap("a", 3, version: version))
      guard case .conflict? = await cluster.failure(stale) else {
        Issue.record("an old version was replaced")
        return
      }
      let byTest = KubernetesRequest.patch(
        .configMaps, in: cluster.namespace, "a", .jsonPatch,
        [["op": "test", "path": "/data/value", "value": "1"]])
      guard case .invalid? = await cluster.failure(byTest) else {
        Issue.record("a test that fails was passed over")
        return
      }

      let wrong = KubernetesRequest.delete(
        .configMaps, in: cluster.namespace, "a", preconditionUID: "11111111")
      guard case .conflict? = await cluster.failure(wrong) else {
        Issue.record("deleted with a wrong uid")
        return
      }
      let uid = try #require(KubernetesObject.uid(created))
      let right = KubernetesRequest.delete(
        .configMaps, in: cluster.namespace, "a", gracePeriodSeconds: 0, preconditionUID: uid)
      #expect(await cluster.failure(right) == nil)
      guard case .notFound? = await cluster.failure(right) else {
        Issue.record("deleted twice")
        return
      }
    }
  }

  @Test func whatCannotBeIsInvalidInTheServersWords() async throws {
    try await Cluster.with { cluster in
      let nameless = KubernetesRequest.create(
        .configMaps, in: cluster.namespace, cluster.configMap("No Name"))
      guard case .invalid(let text)? = await cluster.failure(nameless) else {
        Issue.record("a name that is none")
        return
      }
      #expect(text.contains("metadata.name"))
    }
  }

  @Test func listsAreWholeOverManyPages() async throws {
    try await Cluster.with { cluster in
      for number in 0..<23 { _ = try await cluster.create("m\(number)", number) }
      for pageItems in [1, 5, 23, 500] {
        let list = try await cluster.client.list(cluster.selection, pageItems: pageItems)
        let names = Set(list.items.compactMap(KubernetesObject.name))
        #expect(names == Set((0..<23).map { "m\($0)" }) && list.items.count == 23)
        #expect(list.items.allSatisfy { $0["metadata"]?["managedFields"] == nil })
      }
    }
  }

  @Test func aRoleThatIsTooSmallIsToldByVerbResourceAndNamespace() async throws {
    try await Cluster.with { cluster in
      let token = try await token(cluster)
      let stranger = cluster.client { configuration in
        KubernetesConfiguration(
          server: configuration.server, trust: configuration.trust, token: .fixed(token))
      }
      let list = KubernetesRequest(
        method: .get, path: KubernetesResource.pods.path(in: cluster.namespace))
      guard case .forbidden(let text)? = await cluster.failure(list, by: stranger) else {
        Issue.record("not forbidden")
        return
      }
      for word in ["cannot list", "\"pods\"", "\"\(cluster.namespace)\""] {
        #expect(text.contains(word), "\(text)")
      }
      let review = try await stranger.send(
        .create(
          .selfSubjectAccessReviews, in: nil,
          [
            "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "spec": [
              "resourceAttributes": [
                "verb": "list", "resource": "pods", "namespace": .string(cluster.namespace),
              ]
            ],
          ]))
      #expect(review.body["status"]?["allowed"] == false)

      let nobody = cluster.client { configuration in
        KubernetesConfiguration(
          server: configuration.server, trust: configuration.trust, token: .fixed("nonsense"))
      }
      guard case .unauthorized? = await cluster.failure(list, by: nobody) else {
        Issue.record("a nonsense token was taken")
        return
      }
    }
  }

  /// Of the namespace's default service account, which may do nothing; it appears a little after
  /// the namespace.
  @LoopActor
  private func token(_ cluster: Cluster) async throws -> String {
    let accounts = KubernetesResource(group: "", version: "v1", plural: "serviceaccounts")
    let request = KubernetesRequest(
      method: .post, path: accounts.path(in: cluster.namespace, "default", "token"),
      body: .init(
        contentType: .json,
        value: [
          "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": [:],
        ]))
    let answer = try await eventualValue("a service account") {
      try? await cluster.client.send(request)
    }
    return try #require(answer.body["status"]?["token"]?.stringValue)
  }

  @Test func aQuotaThatIsUsedUpIsToldApartFromAMissingPermission() async throws {
    try await Cluster.with { cluster in
      let quotas = KubernetesResource(group: "", version: "v1", plural: "resourcequotas")
      _ = try await cluster.client.send(
        .create(
          quotas, in: cluster.namespace,
          [
            "kind": "ResourceQuota", "apiVersion": "v1", "metadata": ["name": "q"],
            "spec": ["hard": ["count/configmaps": "3"]],
          ]))
      var made = 0
      let error = try await eventualValue("the quota") { () -> KubernetesError? in
        made += 1
        let error = await cluster.failure(
          .create(.configMaps, in: cluster.namespace, cluster.configMap("m\(made)")))
        // Until the controller has counted, the server says that it does not know.
        guard case .forbidden? = error else { return error }
        return nil
      }
      guard case .quotaExceeded(let text) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(text.contains("exceeded quota: q"))
    }
  }

  @Test func aServerWithACertificateOfSomebodyElsesIsNotTalkedTo() async throws {
    try await Cluster.with { cluster in
      let once = KubernetesRetryPolicy(maxAttempts: 1)
      // A certificate, but not the authority that signed the server's.
      let other = try #require(cluster.configuration.clientCertificate?.certificate)
      for trust in [KubernetesConfiguration.Trust.system, .authority(other)] {
        let stranger = cluster.client(policy: once) { configuration in
          KubernetesConfiguration(
            server: configuration.server, trust: trust,
            clientCertificate: configuration.clientCertificate)
        }
        let request = KubernetesRequest.get(.namespaces, in: nil, "default")
        guard case .unreachable(let text)? = await cluster.failure(request, by: stranger) else {
          Issue.record("trusted")
          return
        }
        #expect(text.contains("certificate"), "\(text)")
      }
      let careless = cluster.client { configuration in
        KubernetesConfiguration(
          server: configuration.server, trust: .insecure,
          clientCertificate: configuration.clientCertificate)
      }
      #expect(
        await cluster.failure(.get(.namespaces, in: nil, "default"), by: careless) == nil)
    }
  }

  @Test func aServerThatIsAwayIsToldInWordsAndFoundAgain() async throws {
    try await Cluster.with { cluster in
      let proxy = try CutProxy(to: cluster.address())
      let client = cluster.client(through: proxy)
      let request = KubernetesRequest.get(.namespaces, in: nil, "default")
      #expect(await cluster.failure(request, by: client) == nil)
      proxy.close()
      guard case .unreachable(let text)? = await cluster.failure(request, by: client) else {
        Issue.record("reached")
        return
      }
      #expect(text.contains("can't be reached") && text.contains("\(proxy.address)"))
      try proxy.open()
      #expect(await cluster.failure(request, by: client) == nil)
      proxy.close()
    }
  }
}
