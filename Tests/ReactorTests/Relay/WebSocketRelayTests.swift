import TestSupport
import Testing

@testable import Reactor

/// The relay between a client and an upstream, frame by frame.
@Suite struct WebSocketRelayTests {
  private typealias Fixture = RelayFixture

  /// A fragmented message with a ping inside it, an empty frame, a long one, a pong.
  private static func conversation(masked: Bool) -> [UInt8] {
    Fixture.frame(.binary, [1, 2, 3], isFinal: false, masked: masked)
      + Fixture.frame(.ping, Array("are you there".utf8), masked: masked)
      + Fixture.frame(.continuation, [], isFinal: false, masked: masked)
      + Fixture.frame(.continuation, .init(repeating: 9, count: 70_000), masked: masked)
      + Fixture.frame(.pong, masked: masked) + Fixture.frame(.text, [0xFF], masked: masked)
      + Fixture.frame(.binary, .init(repeating: 7, count: 126), masked: masked)
  }

  @Test(arguments: RelayTransport.allCases)
  func passesFramesVerbatimBothWays(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let fromClient = Self.conversation(masked: true)
      let fromUpstream = Self.conversation(masked: false)
      fixture.client.send(fromClient)
      fixture.upstream.send(fromUpstream)
      fixture.wait {
        fixture.upstream.bytes.count >= fromClient.count
          && fixture.client.bytes.count >= fromUpstream.count
      }
      #expect(fixture.upstream.bytes == fromClient && fixture.client.bytes == fromUpstream)
      #expect(fixture.relay.relayedByteCount == UInt64(fromClient.count + fromUpstream.count))
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func passesFramesThatComeByteByByte(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let bytes =
        Fixture.frame(.binary, .init(repeating: 1, count: 130), isFinal: false, masked: true)
        + Fixture.frame(.ping, masked: true) + Fixture.frame(.continuation, [5], masked: true)
      for byte in bytes {
        fixture.client.send([byte])
        fixture.loop.turns(1)
      }
      fixture.wait { fixture.upstream.bytes.count >= bytes.count }
      #expect(fixture.upstream.bytes == bytes)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func whatCameBehindTheHandshakeGoesFirst(_ transport: RelayTransport) async throws {
    let first = Fixture.frame(.binary, [1], masked: false)
    let second = Fixture.frame(.binary, [2], masked: false)
    try await Fixture.with(transport, leftover: first + second.prefix(1)) { fixture in
      fixture.upstream.send(Array(second.dropFirst()))
      fixture.wait { fixture.client.bytes.count == 6 }
      #expect(fixture.client.bytes == first + second)
    }
  }

  @Test(arguments: [true, false], RelayTransport.allCases)
  func aClosePassesAndIsAnswered(byClient: Bool, _ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let (from, to) =
        byClient ? (fixture.client, fixture.upstream) : (fixture.upstream, fixture.client)
      let close = Fixture.closeFrame(4001, "bye", masked: byClient)
      let answer = Fixture.closeFrame(4001, masked: !byClient)
      from.send(close + Fixture.frame(.binary, [1], masked: byClient))
      fixture.wait { to.bytes.count >= close.count }
      to.send(answer)
      fixture.wait { from.bytes.count >= answer.count }
      #expect(to.bytes == close && from.bytes == answer)
      fixture.upstream.stream.close()  // a WebSocket's server ends the connection
      fixture.wait { fixture.client.hasEnded }
      #expect(fixture.faults.isEmpty && from.bytes == answer)
      #expect(fixture.relay.closeCode == .noStatus)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aClientThatEndedItsDirectionAfterItsCloseIsAnswered(_ transport: RelayTransport) async throws
  {
    try await Fixture.with(transport) { fixture in
      let close = Fixture.closeFrame(1000, masked: true)
      let answer =
        Fixture.frame(.binary, [1], masked: false) + Fixture.closeFrame(1000, masked: false)
      fixture.client.send(close)
      fixture.client.stream.endWriting()
      fixture.wait { fixture.upstream.bytes == close }
      fixture.loop.turns(5)
      fixture.upstream.send(answer)
      fixture.wait { fixture.client.hasEnded }
      #expect(fixture.client.bytes == answer && fixture.faults.isEmpty)
    }
  }

  // MARK: Ends

  @Test(arguments: RelayTransport.allCases)
  func aLostUpstreamIsToldWith1011(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      fixture.upstream.send(Fixture.frame(.binary, [1], masked: false))
      fixture.wait { fixture.client.bytes.count == 3 }
      fixture.upstream.stream.close()
      fixture.wait { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes[3...5]) == [0x88, fixture.client.bytes[4], 0x03])
      #expect(fixture.client.bytes[6] == 0xF3)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func insideAFrameNoCloseIsPutIn(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let half: [UInt8] = [0x82, 10, 1, 2, 3]
      fixture.upstream.send(half)
      fixture.wait { fixture.client.bytes.count == half.count }
      fixture.upstream.stream.close()
      fixture.wait { fixture.client.hasEnded }
      #expect(fixture.client.bytes == half)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aLostClientEndsTheUpstreamsConnection(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      fixture.client.stream.close()
      fixture.wait { fixture.upstream.hasEnded }
      #expect(fixture.upstream.bytes.first == 0x88 && fixture.faults.isEmpty)
      // The upstream's answer to our Close does not make the client's end a clean one.
      fixture.upstream.send(Fixture.closeFrame(1001, masked: false))
      fixture.upstream.stream.endWriting()
      fixture.wait { fixture.hasEnded }
      #expect(fixture.relay.closeCode == .abnormal)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func anEndFromOurSideIsToldWithItsReason(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      fixture.relay.end(.goingAway, "expired")
      fixture.relay.end(.internalError, "again")
      fixture.wait {
        fixture.client.hasEnded && fixture.upstream.hasEnded
      }
      #expect(fixture.client.bytes == Fixture.closeFrame(1001, "expired", masked: false))
      fixture.wait {
        fixture.client.stream.close()
        fixture.upstream.stream.close()
        return fixture.hasEnded
      }
      #expect(fixture.relay.closeCode == .goingAway)
    }
  }

  // MARK: Misbehaviour

  static let upstreamFaults: [(bytes: [UInt8], code: UInt8, isFault: Bool)] = [
    ([0x82, 0x81, 1, 2, 3, 4, 5], 0xF3, true),  // masked
    ([0xC2, 0], 0xF3, true),  // a reserved bit
    ([0x83, 0], 0xF3, true),  // no such opcode
    ([0x80, 0], 0xF3, true),  // a continuation of nothing
    ([0x09, 0], 0xF3, true),  // a fragmented ping
    ([0x82, 127, 0, 0, 0, 0, 4, 16, 0, 0], 0xF1, false),  // 65 MiB: 1009
  ]

  @Test(arguments: upstreamFaults, RelayTransport.allCases)
  func anUpstreamsFaultIsNotTheClients(
    fault: (bytes: [UInt8], code: UInt8, isFault: Bool), _ transport: RelayTransport
  ) async throws {
    try await Fixture.with(transport) { fixture in
      let good = Fixture.frame(.binary, [1], masked: false)
      fixture.upstream.send(good + fault.bytes)
      fixture.wait { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes.prefix(4)) == good + [0x88])
      #expect(Array(fixture.client.bytes[5...6]) == [0x03, fault.code])
      fixture.wait { fixture.upstream.hasEnded }
      #expect(fixture.faults.isEmpty == !fault.isFault)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aClientsFaultIsToldToTheClientAlone(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      fixture.client.send(Fixture.frame(.binary, [1], masked: false))  // not masked
      fixture.wait { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes.dropFirst(2).prefix(2)) == [0x03, 0xEA])
      fixture.wait { fixture.upstream.hasEnded }
      #expect(fixture.upstream.bytes.first == 0x88 && fixture.faults.isEmpty)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aFileOf64MiBPassesWithItsEnvelope(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let head: [UInt8] = [0x82, 127, 0, 0, 0, 0, 4, 0, 0, 9, 0x32]
      fixture.upstream.send(head)
      fixture.wait { fixture.client.bytes.count == head.count }
      #expect(fixture.client.bytes == head)
    }
  }
}
