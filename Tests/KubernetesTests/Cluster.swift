import Glibc
import Logging
import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// The cluster that KUBECONFIG names, and a namespace of the test's own in it.
@LoopActor
final class Cluster {
  let configuration: KubernetesConfiguration
  let client: KubernetesClient
  let namespace: String
  private let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 4)
  private var clients: [KubernetesClient] = []
  /// Stopped at the end, whatever happens.
  private var watches: [KubernetesWatch] = []

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Without KUBECONFIG the test fails: it can show nothing.
  nonisolated static func with(
    _ body: @escaping @Sendable @LoopActor (Cluster) async throws -> Void
  ) async throws {
    let path = try #require(
      getenv("KUBECONFIG").map { String(cString: $0) },
      "KUBECONFIG must name a cluster: these tests run on a real one")
    let configuration = try KubernetesConfiguration.load(path: path, context: nil) { _ in nil }
    try await TestLoop.run {
      let cluster = Cluster(configuration)
      let result: Result<Void, any Error>
      do {
        try await cluster.begin()
        result = .success(try await body(cluster))
      } catch { result = .failure(error) }
      await cluster.end()
      try result.get()
    }
  }

  private init(_ configuration: KubernetesConfiguration) {
    self.configuration = configuration
    namespace = "xgen-test-" + String(UInt64.random(in: 1 << 60 ... .max), radix: 36)
    client = KubernetesClient(configuration, workers: workers, log: Self.quiet)
  }

  private func begin() async throws {
    _ = try await client.send(
      .create(
        .namespaces, in: nil,
        ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(namespace)]]))
  }

  private func end() async {
    for watch in watches { await watch.stop() }
    _ = try? await client.send(.delete(.namespaces, in: nil, namespace))
    client.close()
    for client in clients { client.close() }
    while workers.outstanding > 0 { await turns(1) }
    workers.close()
  }

  /// Another client, with changes to how the cluster is reached.
  func client(
    policy: KubernetesRetryPolicy = KubernetesRetryPolicy(),
    _ change: (KubernetesConfiguration) -> KubernetesConfiguration
  ) -> KubernetesClient {
    let client = KubernetesClient(
      change(configuration), workers: workers, log: Self.quiet, policy: policy)
    clients.append(client)
    return client
  }

  /// The same cluster by way of a proxy.
  func client(through proxy: CutProxy) -> KubernetesClient {
    client { configuration in
      KubernetesConfiguration(
        server: "https://\(proxy.address)", trust: configuration.trust,
        clientCertificate: configuration.clientCertificate, token: configuration.token)
    }
  }

  func start(_ watch: KubernetesWatch) throws {
    watches.append(watch)
    try watch.start()
  }

  /// The API server's own address.
  func address() throws -> SocketAddress {
    let authority = configuration.server.dropFirst("https://".count).prefix { $0 != "/" }
    return try #require(
      SocketAddress(parsing: String(authority)),
      "the tests' proxy needs a kubeconfig whose server is a numeric address with a port")
  }

  // MARK: Config maps, the least of all objects

  var selection: KubernetesSelection {
    KubernetesSelection(
      resource: .configMaps, namespace: namespace, labelSelector: "made-by=xgen-test")
  }

  func configMap(_ name: String, _ value: Int = 0, version: String? = nil) -> JSONValue {
    var metadata: [(String, JSONValue)] = [
      ("name", .string(name)), ("labels", ["made-by": "xgen-test"]),
    ]
    if let version { metadata.append(("resourceVersion", .string(version))) }
    return [
      "kind": "ConfigMap", "apiVersion": "v1", "metadata": .members(metadata),
      "data": ["value": .string("\(value)")],
    ]
  }

  func create(_ name: String, _ value: Int = 0) async throws -> JSONValue {
    try await client.send(.create(.configMaps, in: namespace, configMap(name, value))).body
  }

  func change(_ name: String, _ value: Int) async throws -> JSONValue {
    try await client.send(
      .patch(
        .configMaps, in: namespace, name, .mergePatch, ["data": ["value": .string("\(value)")]])
    ).body
  }

  func failure(
    _ request: KubernetesRequest, by client: KubernetesClient? = nil
  ) async -> KubernetesError? {
    do throws(KubernetesError) {
      _ = try await (client ?? self.client).send(request)
      return nil
    } catch {
      return error
    }
  }
}
