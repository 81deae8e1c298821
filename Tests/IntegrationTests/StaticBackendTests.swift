import Glibc
import Reactor
import ServerTestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A server whose sandboxes are sidecars that run elsewhere: here, echoes in this process.
@Suite struct StaticBackendTests {
  @LoopActor
  private final class Fixture {
    let sidecars: [EchoSidecar]
    let deployment: Deployment
    let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 2)
    let folder: String

    init(_ count: Int, _ timeouts: SidecarTimeouts) throws {
      var template = Array("/tmp/xgen-static-XXXXXX".utf8CString)
      folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
      sidecars = try (0..<count).map { _ in try EchoSidecar() }
      deployment = try Deployment(
        backend: StaticBackend(
          sidecars.map(\.address), dataDirectory: folder, workers: workers),
        workers: workers, timeouts: timeouts)
    }

    var client: APIClient { deployment.client }

    func end() async {
      await deployment.end()
      for sidecar in sidecars { sidecar.end() }
      workers.close()
      unlink(folder + "/lock")
      rmdir(folder)
    }
  }

  private static func with(
    sidecars count: Int = 1, timeouts: SidecarTimeouts = SidecarTimeouts(),
    _ body: @escaping @Sendable @LoopActor (Fixture) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let fixture = try Fixture(count, timeouts)
      do {
        try await fixture.deployment.start()
        try await body(fixture)
      } catch {
        await fixture.end()
        throw error
      }
      await fixture.end()
    }
  }

  @Test func aSandboxRunsAtOnceAndItsWebSocketLeadsToASidecar() async throws {
    try await Self.with { fixture in
      let created = try await fixture.client.send(.post, "/api/v1/sandboxes", "{}")
      #expect(created.status == 201 && created["status"] == "running")
      let unlimited = created.fields["x-xgen-not-enforced"] ?? ""
      #expect(ResourceName.allCases.allSatisfy { unlimited.contains($0.rawValue) })
      let wire = try await fixture.client.connect(created["id"])
      wire.send(EnvelopeHead(.ping, channel: 9, id: 3).message(Array("there and back".utf8)))
      let back = try await wire.wait("the message is back") {
        wire.messages.last { $0.head.id == 3 }
      }
      #expect(back.head == EnvelopeHead(.ping, channel: 9, id: 3))
      #expect(back.payload == Array("there and back".utf8))
      #expect(try await fixture.client.delete(created["id"]) == 204)
      try await wire.wait("the client is told") { wire.isClosed ? () : nil }
      #expect(wire.closeCode == .goingAway)
      #expect(await fixture.client.refusal(created["id"]) == 404)
    }
  }

  @Test func sidecarsAreTakenInTurn() async throws {
    try await Self.with(sidecars: 3) { fixture in
      for _ in 0..<4 {
        let wire = try await fixture.client.connect(try await fixture.client.create())
        try await wire.close()
      }
      #expect(fixture.sidecars.map(\.opened) == [2, 1, 1])
    }
  }

  @Test func nothingButItsWebSocketAndItsTunnelIsAskedOfASidecar() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.healthEveryMs = 1
    try await Self.with(timeouts: timeouts) { fixture in
      let id = try await fixture.client.create()
      for path in ["services", "files?path=a", "files/list?path=."] {
        let answer = try await fixture.client.send(.get, "/api/v1/sandboxes/\(id)/\(path)")
        #expect(answer.status == 502 && answer["code"] == "SANDBOX_UNREACHABLE", "\(path)")
        #expect(answer["error"].contains("WebSocket only"), "\(answer.text)")
      }
      let upload = try await fixture.client.send(.put, "/api/v1/sandboxes/\(id)/files?path=a", "x")
      #expect(upload.status == 502)
      let sandbox = try fixture.deployment.sandbox(id)
      var dialled: Result<HTTPUpgrade, PortDialError>?
      fixture.deployment.server.sidecars.dial(80, in: sandbox) { dialled = $0 }
      let refusal = try await eventualValue("the dial ends") { dialled }
      #expect(throws: PortDialError.self) { try refusal.get() }
      try await eventually("its health was due twice") {
        let probed = sandbox.probedAtMs
        return probed > 0 && LoopActor.loop.nowMs > probed
      }
      #expect(try await fixture.client.status(id) == "running")
      #expect(fixture.sidecars[0].strayPaths == ["/tunnel"])
    }
  }

  @Test func aSidecarThatIsNotThereIsUnreachable() async throws {
    try await Self.with(sidecars: 2) { fixture in
      let (dead, alive) = (
        try await fixture.client.create(), try await fixture.client.create()
      )
      fixture.sidecars[0].end()
      #expect(await fixture.client.refusal(dead) == 502)
      let exec = try await fixture.client.exec(dead, #"{"command":"true"}"#)
      #expect(exec.status == 502 && exec["error"].contains("refused"))
      #expect(try await fixture.client.status(dead) == "running")  // it may come back
      try await fixture.client.connect(alive).close()
    }
  }

  @Test func aCommandAtAnEchoIsAnErrorAtOnce() async throws {
    try await Self.with { fixture in
      let id = try await fixture.client.create()
      let exec = try await fixture.client.exec(id, #"{"command":"true","timeout_seconds":3600}"#)
      #expect(exec.status == 502 && exec["error"].contains("does not speak the protocol"))
      #expect(try await fixture.client.status(id) == "error")
    }
  }

  @Test func twoServersDoNotShareADataFolder() async throws {
    try await Self.with { fixture in
      let second = StaticBackend(
        [fixture.sidecars[0].address], dataDirectory: fixture.folder, workers: fixture.workers)
      await #expect(throws: BackendError.self) { try await second.start() }
    }
  }
}
