import ServerTestSupport
import TestSupport
import Testing

@testable import Reactor
@testable import XgenServer

/// A relay between two socket pairs, whose far ends the test plays byte by byte.
@LoopActor
final class RelayFixture {
  let client: StreamProbe
  let sidecar: StreamProbe
  private(set) var relay: WebSocketRelay!
  let bytes = RelayBytes()
  private(set) var faults: [String] = []
  private(set) var hasEnded = false
  private(set) var clientCloses = 0

  /// Runs `body` with a started relay; afterwards both ends are closed and the relay must end.
  nonisolated static func with(
    leftover: [UInt8] = [], reads: Bool = true, endTimeoutMs: UInt64 = Limits.relayEndMs,
    _ body: @escaping @Sendable @LoopActor (RelayFixture) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let fixture = try RelayFixture(
        leftover: leftover, reads: reads, endTimeoutMs: endTimeoutMs)
      try await body(fixture)
      fixture.client.stream.close()
      fixture.sidecar.stream.close()
      try await eventually("the relay ends") { fixture.hasEnded }
      #expect(fixture.clientCloses == 1)
    }
  }

  private init(leftover: [UInt8], reads: Bool, endTimeoutMs: UInt64) throws {
    let (clientNear, clientFar) = try SocketStream.pair(loop: LoopActor.loop)
    let (sidecarNear, sidecarFar) = try SocketStream.pair(loop: LoopActor.loop)
    client = StreamProbe(clientFar, reads: reads)
    sidecar = StreamProbe(sidecarFar, reads: reads)
    var first = ByteBuffer()
    first.append(leftover)
    let upgrade = HTTPUpgrade(stream: clientNear, leftover: ByteBuffer()) { [unowned self] in
      clientCloses += 1
    }
    relay = WebSocketRelay(
      client: upgrade,
      sidecar: HTTPUpgrade(stream: sidecarNear, leftover: first, didClose: {}),
      caller: Principal(name: "ann", role: .user), bytes: bytes, endTimeoutMs: endTimeoutMs
    ) { [unowned self] in
      faults.append($0)
    } onEnd: { [unowned self] _ in
      hasEnded = true
    }
    relay.start()
  }

  /// A frame as a client writes it, masked; or as a sidecar does.
  nonisolated static func frame(
    _ opcode: WebSocketOpcode, _ payload: [UInt8] = [], isFinal: Bool = true, masked: Bool
  ) -> [UInt8] {
    var out = ByteBuffer()
    payload.withUnsafeBytes {
      WebSocketEncoder.appendFrame(
        opcode, $0, isFinal: isFinal, maskingKey: masked ? 0x1234_5678 : nil, to: &out)
    }
    return out.withReadable { Array($0) }
  }

  nonisolated static func closeFrame(
    _ code: UInt16, _ reason: String = "", masked: Bool
  ) -> [UInt8] {
    let payload = [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8)
    return frame(.close, payload, masked: masked)
  }
}
