import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A sidecar whose handshake is good and whose frames are not, behind a client's WebSocket.
@Suite struct LyingSidecarRelayTests {
  private static func with(
    _ body:
      @escaping @Sendable @LoopActor (
        LyingSidecar, _ id: String, _ client: StreamProbe, _ sidecar: StreamProbe
      ) async throws -> Void
  ) async throws {
    try await LyingSidecar.with { sidecar in
      var connection: StreamProbe?
      sidecar.onRequest = { request in
        request.accept()
        connection = request.connection
      }
      let id = try await sidecar.client.create()
      let upgrade = try await sidecar.client.upgrade(id)
      let client = StreamProbe(upgrade.stream)
      try await body(sidecar, id, client, try #require(connection))
      client.stream.close()
      try await eventually("the relay is gone") {
        try sidecar.deployment.sandbox(id).relays.count == 0
      }
    }
  }

  static let faults: [(name: String, bytes: [UInt8], code: UInt16)] = [
    ("a masked frame", [0x82, 0x81, 1, 2, 3, 4, 5], 1011), ("reserved bits", [0xF2, 0], 1011),
    ("an unknown opcode", [0x8B, 0], 1011),
    ("a frame of 65 MiB", [0x82, 127, 0, 0, 0, 0, 4, 16, 0, 0], 1009),
  ]

  @Test(arguments: faults)
  func aFaultyFrameEndsTheClientWithACode(
    name: String, bytes: [UInt8], code: UInt16
  ) async throws {
    try await Self.with { sidecar, id, client, connection in
      connection.send([0x82, 1, 7] + bytes)
      try await eventually("the client is told") { client.hasEnded }
      #expect(Array(client.bytes.prefix(4)) == [0x82, 1, 7, 0x88], "\(name)")
      #expect(UInt16(client.bytes[5]) << 8 | UInt16(client.bytes[6]) == code, "\(name)")
      let sandbox = try await sidecar.client.get(id)
      #expect(sandbox["status"] == (code == 1011 ? "error" : "running"))
      #expect(sandbox["status_reason"].isEmpty == (code != 1011))
      #expect(try await sidecar.client.send(.get, "/healthz").status == 200)
    }
  }

  @Test func oneThatBreaksOffIsToldWith1011() async throws {
    try await Self.with { _, _, client, connection in
      connection.stream.close()
      try await eventually("the client is told") { client.hasEnded }
      #expect(client.bytes.count > 4 && Array(client.bytes[2...3]) == [0x03, 0xF3])
    }
  }

  @Test func aFloodStopsAtAClientThatDoesNotRead() async throws {
    try await Self.with { sidecar, id, client, connection in
      client.stream.pauseReading()
      let relay = try #require(try sidecar.deployment.sandbox(id).relays.all.first)
      var frame: [UInt8] = [0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]
      frame += [UInt8](repeating: 5, count: 1 << 20)
      let bound = StreamLimits.highWaterBytes + StreamLimits.relayReadBytes
      var sent = 0
      try await eventually("the flood is stopped") {
        if connection.stream.isCongested {
          return relay.pendingByteCount > StreamLimits.highWaterBytes
        }
        connection.send(frame)
        sent += frame.count
        return false
      }
      #expect(relay.pendingByteCount <= bound)
      #expect(try await sidecar.client.send(.get, "/healthz").status == 200)
      client.stream.resumeReading()
      try await eventually("all is there") {
        #expect(relay.pendingByteCount <= bound)
        return client.bytes.count == sent
      }
    }
  }
}
