import Glibc
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// How sandboxes end by time, by accident, and by whom they may be seen.
@Suite struct LifetimeTests {
  @Test func anExpiredSandboxIsGoneWithItsReason() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create(#"{"timeout_seconds":60}"#)
      let other = try await local.client.create(#"{"timeout_seconds":61}"#)
      let wire = try await local.client.connect(id)
      local.deployment.clock.advance(seconds: 60)
      try await wire.wait("the client is told") { wire.isClosed ? () : nil }
      #expect(wire.closeCode == .goingAway)
      try await eventually("it is gone") { try await local.client.get(id).status == 410 }
      for answer in [
        try await local.client.get(id), try await local.client.exec(id, #"{"command":"ls"}"#),
        try await local.client.send(.post, "/api/v1/sandboxes/\(id)/keepalive"),
      ] {
        #expect(answer.status == 410 && answer["code"] == "SANDBOX_EXPIRED")
        #expect(answer["details"] == "reason=expired at=2030-03-17T17:47:40Z")
      }
      let list = try await local.client.send(.get, "/api/v1/sandboxes")
      #expect(list.json.arrayValue?.count == 1 && list.text.contains(other))
      let left = await local.leftovers()
      #expect(!left.contains { $0.contains(id) })
      local.deployment.clock.advance(seconds: 300)
      try await eventually("it is forgotten") { try await local.client.get(id).status == 404 }
      #expect(try await local.client.get(id)["details"] == "")
    }
  }

  @Test func keepaliveMovesTheExpiryAndNeverBack() async throws {
    try await LocalDeployment.with { local in
      let clock = local.deployment.clock
      let id = try await local.client.create(#"{"timeout_seconds":60}"#)
      let start = clock.clock.nowMs()
      @LoopActor func keepAlive() async throws -> Int64 {
        let answer = try await local.client.send(.post, "/api/v1/sandboxes/\(id)/keepalive")
        #expect(answer.status == 204)
        return try local.deployment.sandbox(id).record.expiresAtMs - start
      }
      #expect(try await keepAlive() == 3_660_000)
      #expect(try await keepAlive() == 7_260_000)
      for _ in 0..<30 { _ = try await keepAlive() }
      #expect(try await keepAlive() == 86_400_000)  // the longest
      clock.advance(seconds: -3600)
      #expect(try await keepAlive() == 86_400_000)  // not back
      clock.advance(seconds: 3600 + 7200)
      #expect(try await keepAlive() == 90_000_000)
      let directory = try #require(local.backend.host?.directory)
      #expect(try SandboxState.load(id, in: directory).record.expiresAtMs == start + 90_000_000)
    }
  }

  @Test func aKilledSidecarIsAnErrorOfItsSandboxOnly() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let other = try await local.client.create()
      let wire = try await local.client.connect(id)
      let otherWire = try await local.client.connect(other)
      try await wire.start("sleep", ["1000"])
      kill(try local.sidecarPID(id), SIGKILL)
      try await wire.wait("the client is told") { wire.isClosed ? () : nil }
      #expect(wire.closeCode == .internalError)
      try await eventually("it is an error") { try await local.client.status(id) == "error" }
      let answer = try await local.client.get(id)
      #expect(answer.status == 200 && answer["status_reason"].contains("signal 9"))
      let exec = try await local.client.exec(id, #"{"command":"ls"}"#)
      #expect(exec.status == 502 && exec["code"] == "SANDBOX_UNREACHABLE")
      #expect(await local.client.refusal(id) == 502)

      try await otherWire.start("echo", ["still here"])
      #expect(try await otherWire.exitCode() == 0)
      #expect(try await local.client.status(other) == "running")
      #expect(try await local.client.delete(id) == 204)
      let left = await local.leftovers()
      #expect(!left.contains { $0.contains(id) })
      try await otherWire.close()
    }
  }

  @Test func anotherUsersSandboxIsNotThere() async throws {
    try await LocalDeployment.with { local in
      let ann = local.deployment.client("ApiKey key-of-ann")
      let bob = local.deployment.client("ApiKey key-of-bob")
      let id = try await ann.create()
      #expect(try await bob.get(id).status == 404)
      #expect(try await bob.exec(id, #"{"command":"ls"}"#).status == 404)
      #expect(try await bob.delete(id) == 404)
      #expect(await bob.refusal(id) == 404)
      #expect(try await bob.send(.get, "/api/v1/sandboxes").json == .array([]))
      #expect(try await local.client.get(id).status == 200)
      #expect(try await ann.delete(id) == 204)
      #expect(try await bob.delete(id) == 404)
    }
  }

  @Test func tokensEndByTheServersClock() async throws {
    try await LocalDeployment.with { local in
      let answer = try await local.client.send(
        .post, "/api/v1/auth/token", #"{"api_key":"key-of-ann"}"#)
      #expect(answer["expires_at"] == "2030-03-17T18:01:40Z")
      let ann = local.deployment.client("Bearer \(answer["token"])")
      #expect(try await ann.send(.get, "/api/v1/sandboxes").status == 200)
      local.deployment.clock.advance(seconds: 900)
      let late = try await ann.send(.get, "/api/v1/sandboxes")
      #expect(late.status == 401 && late["error"].contains("expired"))
      #expect(late.fields["www-authenticate"] != nil)
    }
  }
}
