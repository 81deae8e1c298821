import Reactor
import ServerTestSupport
import Synchronization
import TestSupport
import Testing

@testable import XgenServer

@Suite struct KubernetesWatchTests {
  /// A watch on a scripted server, and what it told.
  @LoopActor
  private final class Fixture {
    let server: ScriptedServer
    private(set) var watch: KubernetesWatch!
    private(set) var events: [KubernetesWatchEvent] = []
    private(set) var batches = 0
    private let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 1)

    nonisolated static func with(
      script: @escaping @Sendable @LoopActor (ScriptedServer.Request) -> Void,
      _ body: @escaping @Sendable @LoopActor (Fixture) async throws -> Void
    ) async throws {
      try await TestLoop.run {
        let fixture = try Fixture(script)
        let result: Result<Void, any Error>
        do {
          try fixture.watch.start()
          result = .success(try await body(fixture))
        } catch { result = .failure(error) }
        await fixture.watch.stop()
        fixture.workers.close()
        fixture.server.close()
        try result.get()
      }
    }

    private init(_ script: @escaping @LoopActor (ScriptedServer.Request) -> Void) throws {
      server = try ScriptedServer { script($0) }
      let client = KubernetesClient(
        KubernetesConfiguration(server: server.url), workers: workers, log: LocalFixture.quiet)
      watch = client.watch(
        KubernetesSelection(resource: .pods, namespace: "ns", labelSelector: "a=b")
      ) { [unowned self] in
        events += $0
        batches += 1
      }
    }

    func wait(for count: Int) async throws {
      try await eventually("\(count) events") { events.count >= count }
    }
  }

  private static let list =
    #"{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]}"#
  private static let item: JSONValue = ["metadata": ["name": "a", "resourceVersion": "3"]]

  private static func line(_ type: String, _ name: String, _ version: Int) -> String {
    #"{"type":"\#(type)","object":{"metadata":{"name":"\#(name)","resourceVersion":"\#(version)"}}}"#
      + "\n"
  }

  private static func object(_ name: String, _ version: Int) -> JSONValue {
    ["metadata": ["name": .string(name), "resourceVersion": .string("\(version)")]]
  }

  private static func isWatch(_ request: ScriptedServer.Request) -> Bool {
    request.target.contains("watch=1")
  }

  @Test func listsThenWatchesFromThereOnOneConnection() async throws {
    try await Fixture.with { request in
      if !Self.isWatch(request) { return request.answer(200, Self.list) }
      request.beginStream()
      request.sendChunk(Self.line("ADDED", "b", 6) + Self.line("DELETED", "a", 7))
    } _: { fixture in
      try await fixture.wait(for: 4)
      #expect(
        fixture.events == [
          .reset(items: [Self.item], resourceVersion: "5"), .connected,
          .changed(Self.object("b", 6)), .deleted(Self.object("a", 7)),
        ])
      let target = fixture.server.requests[1].target
      for part in [
        "labelSelector=a%3Db", "resourceVersion=5", "allowWatchBookmarks=true", "timeoutSeconds=",
      ] { #expect(target.contains(part)) }
      #expect(fixture.server.connections.count == 1)
    }
  }

  @Test func goesOnBehindTheLastEventOrBookmarkAfterAnyEnd() async throws {
    let rounds = Answers([1, 2, 3, 4])
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      request.beginStream()
      switch rounds.next() {
      case 1:  // cut in the middle of an event
        request.sendChunk(Self.line("ADDED", "b", 6) + #"{"type":"ADDED","obj"#)
        request.connection.stream.endWriting()
      case 2:
        request.sendChunk(
          #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}}"# + "\n")
        request.endStream()
      case 3: request.connection.stream.close()
      default: request.sendChunk(Self.line("MODIFIED", "b", 30))
      }
    } _: { fixture in
      try await fixture.wait(for: 4)
      #expect(
        fixture.events.suffix(3) == [
          .connected, .changed(Self.object("b", 6)), .changed(Self.object("b", 30)),
        ])
      let versions = fixture.server.requests.dropFirst().map { request in
        request.target.split(separator: "resourceVersion=").last?.prefix { $0 != "&" } ?? ""
      }
      #expect(versions == ["5", "6", "20", "20"])
    }
  }

  @Test(arguments: [true, false])
  func listsAnewWhenItsPlaceIsGone(asEvent: Bool) async throws {
    let rounds = Answers([1])
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      let gone = status(410, "Expired", "too old resource version: 5 (9)")
      if rounds.next() == nil {
        request.beginStream()
      } else if asEvent {
        request.beginStream()
        request.sendChunk(#"{"type":"ERROR","object":\#(gone)}"# + "\n")
      } else {
        request.answer(410, gone)
      }
    } _: { fixture in
      try await eventually("the second list's watch") { fixture.server.requests.count == 4 }
      try await fixture.wait(for: 3)
      let resets = fixture.events.filter { $0 != .connected }
      #expect(
        resets == Array(repeating: .reset(items: [Self.item], resourceVersion: "5"), count: 2))
    }
  }

  @Test func nonsenseMakesItListAnew() async throws {
    let rounds = Answers([1])
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      request.beginStream()
      request.sendChunk(rounds.next() == nil ? Self.line("ADDED", "b", 6) : "nonsense\n")
    } _: { fixture in
      try await fixture.wait(for: 4)
      #expect(fixture.server.requests.count == 4)
      #expect(fixture.events.last == .changed(Self.object("b", 6)))
    }
  }

  @Test func tellsOnceThatTheServerIsAwayAndThatItIsBack() async throws {
    let rounds = Answers([1, 2, 3, 4])
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      if rounds.next() != nil { return request.answer(503, status(503, "", "away")) }
      request.beginStream()
    } _: { fixture in
      try await fixture.wait(for: 3)
      #expect(
        fixture.events == [
          .reset(items: [Self.item], resourceVersion: "5"),
          .disconnected(.server(status: 503, "away")), .connected,
        ])
      #expect(fixture.server.requests.count == 6, "one list, and the place is kept")
    }
  }

  @Test func aMissingPermissionIsToldInTheServersWords() async throws {
    let text = "pods is forbidden: User x cannot list resource pods in the namespace ns"
    try await Fixture.with {
      $0.answer(403, status(403, "Forbidden", text))
    } _: { fixture in
      try await fixture.wait(for: 1)
      #expect(fixture.events == [.disconnected(.forbidden(text))])
    }
  }

  /// The loop is held, so that events pile up: the thread stops reading, then the server writing.
  @Test func aLoopThatIsBusyBoundsWhatWaitsForIt() async throws {
    let count = 60_000
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      request.beginStream()
      var chunk = ""
      for number in 0..<count {
        chunk += Self.line("MODIFIED", "b", 10 + number)
        if number % 100 == 99 {
          request.sendChunk(chunk)
          chunk = ""
        }
      }
    } _: { fixture in
      try await fixture.wait(for: count + 2)
      let versions = fixture.events.dropFirst(2).enumerated().map { index, event in
        event == .changed(Self.object("b", 10 + index))
      }
      #expect(versions.count == count && versions.allSatisfy { $0 }, "all, in order")
      #expect(fixture.batches > count / (2 * KubernetesLimits.maxQueuedEvents))
    }
  }

  @Test func stopsAtOnceWhereverItIs() async throws {
    try await Fixture.with { request in
      guard Self.isWatch(request) else { return request.answer(200, Self.list) }
      request.beginStream()
    } _: { fixture in
      try await fixture.wait(for: 2)
      let asked = LoopActor.loop.nowMs
      await fixture.watch.stop()
      #expect(LoopActor.loop.nowMs - asked < 5_000)
      await fixture.watch.stop()
    }
    // While it waits before the next attempt.
    try await Fixture.with {
      $0.answer(403, status(403, "Forbidden", "x"))
    } _: { fixture in
      try await eventually("some attempts") { fixture.server.requests.count >= 3 }
      await fixture.watch.stop()
      let requests = fixture.server.requests.count
      await turns(5)
      #expect(fixture.server.requests.count == requests)
    }
  }
}

@Suite struct KubernetesWatchQueueTests {
  @Test func aThreadWaitsForRoomAndIsLetGoByTheLoopOrByStop() async throws {
    try await withLoop { loop in
      let made = KubernetesWatchQueue(notify: {})
      let queue = try #require(made)
      let full = [KubernetesWatchEvent](
        repeating: .connected, count: KubernetesLimits.maxQueuedEvents)
      queue.push(full, bytes: 1)
      let door = loop.handle
      let pushed = Flag()
      let started = NativeThread {
        queue.push([.changed(1)], bytes: 1)
        door.post { pushed.isSet = true }
        queue.push(full, bytes: 1)  // until it is stopped
        queue.push(full, bytes: 1)
      }
      let thread = try #require(started)
      loop.turns(5)
      #expect(!pushed.isSet && queue.takeAll().count == full.count)
      loop.run(until: { pushed.isSet })
      queue.stop()
      thread.join()
      #expect(queue.takeAll().isEmpty && queue.isStopped)
    }
  }

  /// Set by one thread, read by another.
  private final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }
}
