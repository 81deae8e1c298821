import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// `GET /api/v1/events` over real sockets; the sandboxes are only played.
@Suite struct EventStreamTests {
  /// A client that reads a stream by hand.
  @LoopActor
  private struct Client {
    let probe: StreamProbe

    init(
      _ sidecar: LyingSidecar, key: String, lastID: String? = nil, query: String = "",
      method: String = "GET", reads: Bool = true
    ) throws {
      let address = sidecar.deployment.address!
      probe = StreamProbe(
        try SocketStream.connect(loop: LoopActor.loop, to: address), reads: reads)
      let last = lastID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
      probe.send(
        "\(method) /api/v1/events\(query) HTTP/1.1\r\nHost: \(address)\r\n"
          + "Authorization: ApiKey \(key)\r\n\(last)\r\n")
    }

    /// Types and sandboxes of the events so far: `sandbox.created abc`.
    var events: [String] { data.map { "\($0["type", default: ""]) \($0["sandbox", default: ""])" } }
    var ids: [String] { data.map { $0["id", default: ""] } }

    /// The last bytes of what came.
    var end: String { String(decoding: probe.bytes.suffix(2_048), as: UTF8.self) }

    private var data: [[String: String]] {
      let lines = probe.text.split(whereSeparator: \.isNewline)
      return lines.filter { $0.hasPrefix("data: ") }.map { line in
        let value = try? JSONParser.parse(Array(line.dropFirst(6).utf8))
        let members = value?.objectValue?.members ?? []
        return Dictionary(
          uniqueKeysWithValues: members.map { ($0.name, $0.value.stringValue ?? "") })
      }
    }

    func opened() async throws -> Client {
      try await eventually("the stream begins") { probe.text.contains("id: ") }
      #expect(probe.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      return self
    }
  }

  /// Creates a sandbox as `key` and deletes it; returns its id.
  @LoopActor
  private static func life(_ sidecar: LyingSidecar, _ key: String) async throws -> String {
    let client = sidecar.deployment.client("ApiKey \(key)")
    let id = try await client.create()
    #expect(try await client.delete(id) == 204)
    return id
  }

  private static func steps(_ id: String) -> [String] {
    ["created", "running", "stopping", "stopped"].map { "sandbox.\($0) \(id)" }
  }

  @Test func tellsEveryStepToItsOwnerAndToAdminsAlone() async throws {
    try await LyingSidecar.with { sidecar in
      let ann = try await Client(sidecar, key: "key-of-ann").opened()
      let bob = try await Client(sidecar, key: "key-of-bob").opened()
      let admin = try await Client(sidecar, key: Deployment.adminKey).opened()
      let anns = try await Self.life(sidecar, "key-of-ann")
      let bobs = try await Self.life(sidecar, "key-of-bob")
      try await eventually("all is told") { admin.events.count >= 8 && bob.events.count >= 4 }
      #expect(ann.events == Self.steps(anns) && bob.events == Self.steps(bobs))
      #expect(admin.events == Self.steps(anns) + Self.steps(bobs))
      #expect(!ann.probe.text.contains(bobs) && !bob.probe.text.contains(anns))
    }
  }

  @Test(arguments: [true, false])
  func goesOnBehindTheLastID(byHeader: Bool) async throws {
    try await LyingSidecar.with { sidecar in
      let first = try await Client(sidecar, key: "key-of-ann").opened()
      let id = try await Self.life(sidecar, "key-of-ann")
      try await eventually("all is told") { first.events.count == 4 }
      first.probe.stream.close()
      let missed = try await Self.life(sidecar, "key-of-ann")
      let seen = first.ids[1]
      let second = try await Client(
        sidecar, key: "key-of-ann", lastID: byHeader ? seen : nil,
        query: byHeader ? "" : "?last_event_id=\(seen)"
      ).opened()
      try await eventually("what was missed is told") { second.events.count >= 6 }
      #expect(second.events == Self.steps(id)[2...] + Self.steps(missed))
    }
  }

  @Test(arguments: ["1-1", "nonsense", "0-0", "99999999999999999999-1"])
  func anIDThatIsNotKnownIsAReset(id: String) async throws {
    try await LyingSidecar.with { sidecar in
      let client = try await Client(sidecar, key: "key-of-ann", lastID: id).opened()
      let sandbox = try await Self.life(sidecar, "key-of-ann")
      try await eventually("all is told") { client.events.count >= 5 }
      #expect(client.events == ["reset "] + Self.steps(sandbox))
    }
  }

  @Test func streamsOfOneKeyAreBoundedAndTheirEndsAreSeen() async throws {
    try await LyingSidecar.with { sidecar in
      var clients: [Client] = []
      for _ in 0..<EventLimits.maxStreamsPerKey {
        clients.append(try await Client(sidecar, key: "key-of-ann").opened())
      }
      let refused = try await sidecar.deployment.client("ApiKey key-of-ann")
        .send(.get, "/api/v1/events")
      #expect(refused.status == 429 && refused.fields["retry-after"] != nil)
      _ = try await Client(sidecar, key: "key-of-bob").opened()
      clients[0].probe.stream.close()
      try await eventually("its end is seen") {
        sidecar.deployment.server.events.streamCount == EventLimits.maxStreamsPerKey
      }
      _ = try await Client(sidecar, key: "key-of-ann").opened()
    }
  }

  @Test func aQuietStreamShowsThatItLives() async throws {
    try await LyingSidecar.with { sidecar in
      let client = try await Client(sidecar, key: "key-of-ann").opened()
      sidecar.deployment.server.events.heartbeat()
      // With its place in the log: what it comes back with is never older than that.
      try await eventually("a comment comes") { client.probe.text.contains("\r\n:\n\nid: ") }
      #expect(client.events == [])
    }
  }

  @Test func aHeadIsAnsweredAndOpensNothing() async throws {
    try await LyingSidecar.with { sidecar in
      let head = try await sidecar.client.send(.head, "/api/v1/events")
      #expect(head.status == 200 && head.body == [])
      #expect(head.fields["content-type"] == "text/event-stream")
      #expect(sidecar.deployment.server.events.streamCount == 0)
    }
  }

  @Test func aSlowReaderCostsNoMemoryAndIsToldWhatItMissed() async throws {
    try await LyingSidecar.with { sidecar in
      let hub = sidecar.deployment.server.events
      let slow = try Client(sidecar, key: "key-of-ann", reads: false)
      try await eventually("it is open") { hub.streamCount == 1 }
      let reason = String(repeating: "x", count: EventLimits.maxReasonBytes)
      // More than the log and every buffer on the way can hold.
      for number in 0..<14_000 {
        hub.publish(
          SandboxChange(
            id: "s\(number)", owner: "ann", status: .error, cause: SandboxCause(reason: reason),
            atMs: 0))
        if number % 250 == 0 { await turns(1) }
      }
      slow.probe.stream.resumeReading()
      try await eventually("it is told that it missed some") {
        slow.end.contains("event: reset")
      }
      hub.publish(
        SandboxChange(id: "next", owner: "ann", status: .running, cause: .ready, atMs: 0))
      try await eventually("it goes on") { slow.end.contains("\"next\"") }
      // What was held for it: the marks of its connection and the kernel's buffers.
      #expect(slow.probe.bytes.count < 14_000 * EventLimits.maxReasonBytes / 2)
    }
  }

  @Test func theServersEndEndsStreamsWithTheirSandboxesEnds() async throws {
    try await LyingSidecar.with { sidecar in
      let client = try await Client(sidecar, key: "key-of-ann").opened()
      let id = try await sidecar.deployment.client("ApiKey key-of-ann").create()
      await sidecar.deployment.end()
      try await eventually("the stream ends") { client.probe.hasEnded }
      #expect(client.events == Self.steps(id))
      #expect(client.probe.text.hasSuffix("\r\n0\r\n\r\n"))
      #expect(client.probe.text.contains(#""reason":"shutdown""#))
    }
  }
}
