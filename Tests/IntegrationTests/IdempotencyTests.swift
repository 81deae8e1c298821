import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// Create with an Idempotency-Key, by a clock that the test moves.
@Suite struct IdempotencyTests {
  private static func create(
    _ client: APIClient, key: String = "k", _ body: String = #"{"timeout_seconds":86400}"#
  ) async throws -> APIClient.Answer {
    try await client.send(
      .post, "/api/v1/sandboxes", body, [HTTPField("Idempotency-Key", key)!])
  }

  @Test func aKeyStandsForItsSandboxFor24HoursAndNoLonger() async throws {
    try await LyingSidecar.with { sidecar in
      let clock = sidecar.deployment.clock
      let first = try await Self.create(sidecar.client)
      #expect(first.status == 201)
      clock.advance(seconds: 86_399)
      #expect(try await Self.create(sidecar.client).body == first.body)
      clock.advance(seconds: 1)
      let next = try await Self.create(sidecar.client)
      #expect(next.status == 201 && next["id"] != first["id"])
    }
  }

  @Test func requestsAtTheSameTimeMakeOneSandbox() async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.isHealthy = false  // so that the first takes its whole 250 ms
      let client = sidecar.client
      async let first = Self.create(client)
      async let second = Self.create(client)
      async let other = Self.create(client, "{}")
      let statuses = try await [first.status, second.status, other.status].sorted()
      // Whichever body came first, it is the one that counts.
      #expect(statuses == [201, 201, 409] || statuses == [201, 409, 409])
      #expect(sidecar.deployment.server.catalog.census().total == 1)
    }
  }

  @Test func theQuotaCountsNoRepetition() async throws {
    try await LyingSidecar.with { sidecar in
      let tenant = Tenant(name: "ann", maxSandboxes: 1)
      let catalog = sidecar.deployment.server.catalog
      let fields = try JSONFields(.object([:]))
      let order = try SandboxOrder(fields, defaultTimeoutSeconds: 60, maxTimeoutSeconds: 60)
      let request = IdempotentRequest(owner: "ann", text: "k", body: [])
      let origin = CallOrigin(subject: "ann", requestID: "1")
      let first = try await catalog.create(
        order, for: tenant, once: request, secret: [1], origin: origin)
      let again = try await catalog.create(
        order, for: tenant, once: request, secret: [1], origin: origin)
      #expect(first.record.id == again.record.id)
      do {
        _ = try await catalog.create(order, for: tenant, origin: origin)
        Issue.record("one too many")
      } catch let error as APIError {
        #expect(error.status == 429 && error.code == "QUOTA_EXCEEDED")
      }
    }
  }
}
