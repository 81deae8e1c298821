import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

@Suite struct WatchTests {
  /// What a consumer makes of a watch.
  @LoopActor
  private final class Mirror {
    /// Value by name.
    private(set) var values: [String: String] = [:]
    /// `name@resourceVersion` of every change that was told, in order.
    private(set) var changes: [String] = []
    private(set) var deletions = 0
    private(set) var resets = 0
    private(set) var connects = 0
    private(set) var errors: [KubernetesError] = []

    func take(_ events: [KubernetesWatchEvent]) {
      for event in events {
        switch event {
        case .reset(let items, _):
          resets += 1
          values = [:]
          for item in items { set(item) }
        case .changed(let object):
          set(object)
          changes.append(Self.key(object))
        case .deleted(let object):
          values[KubernetesObject.name(object) ?? ""] = nil
          deletions += 1
        case .connected: connects += 1
        case .disconnected(let error): errors.append(error)
        }
      }
    }

    private func set(_ object: JSONValue) {
      values[KubernetesObject.name(object) ?? ""] = object["data"]?["value"]?.stringValue ?? ""
    }

    static func key(_ object: JSONValue) -> String {
      "\(KubernetesObject.name(object) ?? "")@\(KubernetesObject.resourceVersion(object) ?? "")"
    }
  }

  /// Objects that come, change and go, and what a watch must tell of it.
  @LoopActor
  private final class Changes {
    private let cluster: Cluster
    private var random: SplitMix64
    private var names: [String] = []
    private var made = 0
    private(set) var changes: [String] = []
    private(set) var deletions = 0

    init(_ cluster: Cluster, seed: UInt64) {
      self.cluster = cluster
      random = SplitMix64(seed: seed)
    }

    func makeOne() async throws {
      made += 1
      let kind = names.count < 4 ? 0 : Int.random(in: 0..<6, using: &random)
      switch kind {
      case 0, 1:
        names.append("m\(made)")
        changes.append(Mirror.key(try await cluster.create("m\(made)", made)))
      case 2:
        let name = names.remove(at: Int.random(in: names.indices, using: &random))
        _ = try await cluster.client.send(.delete(.configMaps, in: cluster.namespace, name))
        deletions += 1
      default:
        let name = names[Int.random(in: names.indices, using: &random)]
        changes.append(Mirror.key(try await cluster.change(name, made)))
      }
    }
  }

  @Test func noEventIsMissedWhenTheConnectionIsCutFiftyTimes() async throws {
    try await Cluster.with { cluster in
      let proxy = try CutProxy(to: cluster.address())
      let mirror = Mirror()
      let watch = cluster.client(through: proxy).watch(cluster.selection) { mirror.take($0) }
      try cluster.start(watch)
      try await eventually("the watch is open") { mirror.connects == 1 }
      var random = SplitMix64(seed: 0xC07)
      let changes = Changes(cluster, seed: 0xC08)
      for _ in 0..<50 {
        for _ in 0..<Int.random(in: 1...4, using: &random) { try await changes.makeOne() }
        // Before, while or after the events are told, or while it connects again.
        await turns(Int.random(in: 0...20, using: &random))
        proxy.cut()
      }
      try await changes.makeOne()
      try await eventually("every event") {
        mirror.changes.count >= changes.changes.count && mirror.deletions >= changes.deletions
      }
      #expect(mirror.resets == 1, "the list alone would hide what was missed")
      #expect(mirror.changes == changes.changes, "all, once, in order")
      #expect(mirror.deletions == changes.deletions)
      #expect(proxy.accepted > 10)
      let list = try await cluster.client.list(cluster.selection)
      #expect(mirror.values == Self.values(list))
      await watch.stop()
      proxy.close()
    }
  }

  /// Cut while it lists, too: each page is a connection of the proxy's.
  @Test func aListThatIsCutBeginsAgain() async throws {
    try await Cluster.with { cluster in
      for number in 0..<5 { _ = try await cluster.create("m\(number)", number) }
      let proxy = try CutProxy(to: cluster.address())
      for round in 0..<20 {
        let mirror = Mirror()
        let watch = cluster.client(through: proxy).watch(cluster.selection) { mirror.take($0) }
        try cluster.start(watch)
        await turns(round)
        proxy.cut()
        try await eventually("the watch is open") { mirror.connects >= 1 }
        #expect(mirror.values.count == 5)
        await watch.stop()
      }
      proxy.close()
    }
  }

  @Test func aServerThatComesBackIsFoundAndWhatHappenedMeanwhileIsTold() async throws {
    try await Cluster.with { cluster in
      let proxy = try CutProxy(to: cluster.address())
      let mirror = Mirror()
      let watch = cluster.client(through: proxy).watch(cluster.selection) { mirror.take($0) }
      try cluster.start(watch)
      _ = try await cluster.create("a", 1)
      _ = try await cluster.create("b", 1)
      // The list alone may have both, before the watch is open.
      try await eventually("both") { mirror.values.count == 2 && mirror.connects == 1 }
      proxy.close()
      try await eventually("it is told") { mirror.errors.count == 1 }
      _ = try await cluster.change("a", 2)
      _ = try await cluster.client.send(.delete(.configMaps, in: cluster.namespace, "b"))
      _ = try await cluster.create("c", 3)
      try proxy.open()
      let opened = LoopActor.loop.nowMs
      try await eventually("all of it") { mirror.values == ["a": "2", "c": "3"] }
      #expect(LoopActor.loop.nowMs - opened < 5_000)
      try await eventually("it is told") { mirror.connects == 2 }
      await watch.stop()
      proxy.close()
    }
  }

  /// A real server's answer to a place that can't be.
  @Test func aPlaceOfNoUseMakesItListAnew() async throws {
    try await Cluster.with { cluster in
      var request = KubernetesRequest(method: .get, path: cluster.selection.path)
      request.query = [("watch", "1"), ("resourceVersion", "nonsense"), ("timeoutSeconds", "1")]
      let client = cluster.client(policy: KubernetesRetryPolicy(maxAttempts: 1)) { $0 }
      let error = try #require(await cluster.failure(request, by: client))
      var course = KubernetesWatchCourse()
      course.listed("nonsense")
      course.failed(KubernetesFailure(error: error, wasSent: true))
      #expect(course.resourceVersion == nil, "\(error)")
    }
  }

  private static func values(_ list: KubernetesList) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: list.items.map {
        (KubernetesObject.name($0) ?? "", $0["data"]?["value"]?.stringValue ?? "")
      })
  }
}
