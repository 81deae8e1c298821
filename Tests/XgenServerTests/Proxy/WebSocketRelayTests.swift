import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// The relay between a client and a sidecar, frame by frame.
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

  @Test func passesFramesVerbatimBothWays() async throws {
    try await Fixture.with { fixture in
      let fromClient = Self.conversation(masked: true)
      let fromSidecar = Self.conversation(masked: false)
      fixture.client.send(fromClient)
      fixture.sidecar.send(fromSidecar)
      try await eventually("all is there") {
        fixture.sidecar.bytes.count >= fromClient.count
          && fixture.client.bytes.count >= fromSidecar.count
      }
      #expect(fixture.sidecar.bytes == fromClient && fixture.client.bytes == fromSidecar)
      #expect(fixture.relay.relayedByteCount == UInt64(fromClient.count + fromSidecar.count))
    }
  }

  @Test func passesFramesThatComeByteByByte() async throws {
    try await Fixture.with { fixture in
      let bytes =
        Fixture.frame(.binary, .init(repeating: 1, count: 130), isFinal: false, masked: true)
        + Fixture.frame(.ping, masked: true) + Fixture.frame(.continuation, [5], masked: true)
      for byte in bytes {
        fixture.client.send([byte])
        await turns(1)
      }
      try await eventually("all is there") { fixture.sidecar.bytes.count >= bytes.count }
      #expect(fixture.sidecar.bytes == bytes)
    }
  }

  @Test func whatCameBehindTheHandshakeGoesFirst() async throws {
    let first = Fixture.frame(.binary, [1], masked: false)
    let second = Fixture.frame(.binary, [2], masked: false)
    try await Fixture.with(leftover: first + second.prefix(1)) { fixture in
      fixture.sidecar.send(Array(second.dropFirst()))
      try await eventually("both are there") { fixture.client.bytes.count == 6 }
      #expect(fixture.client.bytes == first + second)
    }
  }

  @Test(arguments: [true, false])
  func aClosePassesAndIsAnswered(byClient: Bool) async throws {
    try await Fixture.with { fixture in
      let (from, to) =
        byClient ? (fixture.client, fixture.sidecar) : (fixture.sidecar, fixture.client)
      let close = Fixture.closeFrame(4001, "bye", masked: byClient)
      let answer = Fixture.closeFrame(4001, masked: !byClient)
      from.send(close + Fixture.frame(.binary, [1], masked: byClient))
      try await eventually("the close is there") { to.bytes.count >= close.count }
      to.send(answer)
      try await eventually("the answer is there") { from.bytes.count >= answer.count }
      #expect(to.bytes == close && from.bytes == answer)
      fixture.sidecar.stream.close()  // a WebSocket's server ends the connection
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(fixture.faults.isEmpty && from.bytes == answer)
      #expect(fixture.relay.closeCode == .noStatus)
    }
  }

  @Test func aClientThatEndedItsDirectionAfterItsCloseIsAnswered() async throws {
    // A loop that other tests keep busy may take longer than peers are given.
    try await Fixture.with(endTimeoutMs: testDeadlineMs) { fixture in
      let close = Fixture.closeFrame(1000, masked: true)
      let answer =
        Fixture.frame(.binary, [1], masked: false) + Fixture.closeFrame(1000, masked: false)
      fixture.client.send(close)
      fixture.client.stream.endWriting()
      try await eventually("the close is there") { fixture.sidecar.bytes == close }
      await turns(5)
      fixture.sidecar.send(answer)
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(fixture.client.bytes == answer && fixture.faults.isEmpty)
    }
  }

  // MARK: Ends

  @Test func aLostSidecarIsToldWith1011() async throws {
    try await Fixture.with { fixture in
      fixture.sidecar.send(Fixture.frame(.binary, [1], masked: false))
      try await eventually("a frame is there") { fixture.client.bytes.count == 3 }
      fixture.sidecar.stream.close()
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes[3...5]) == [0x88, fixture.client.bytes[4], 0x03])
      #expect(fixture.client.bytes[6] == 0xF3)
    }
  }

  @Test func insideAFrameNoCloseIsPutIn() async throws {
    try await Fixture.with { fixture in
      let half: [UInt8] = [0x82, 10, 1, 2, 3]
      fixture.sidecar.send(half)
      try await eventually("the half is there") { fixture.client.bytes.count == half.count }
      fixture.sidecar.stream.close()
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(fixture.client.bytes == half)
    }
  }

  @Test func aLostClientEndsTheSidecarsConnection() async throws {
    try await Fixture.with { fixture in
      fixture.client.stream.close()
      try await eventually("the sidecar's connection ends") { fixture.sidecar.hasEnded }
      #expect(fixture.sidecar.bytes.first == 0x88 && fixture.faults.isEmpty)
      // The sidecar's answer to our Close does not make the client's end a clean one.
      fixture.sidecar.send(Fixture.closeFrame(1001, masked: false))
      fixture.sidecar.stream.endWriting()
      try await eventually("the relay ends") { fixture.hasEnded }
      #expect(fixture.relay.closeCode == .abnormal)
    }
  }

  @Test func anEndFromOurSideIsToldWithItsReason() async throws {
    try await Fixture.with { fixture in
      fixture.relay.end(.goingAway, "expired")
      fixture.relay.end(.internalError, "again")
      try await eventually("both connections end") {
        fixture.client.hasEnded && fixture.sidecar.hasEnded
      }
      #expect(fixture.client.bytes == Fixture.closeFrame(1001, "expired", masked: false))
      try await eventually("the relay ends") {
        fixture.client.stream.close()
        fixture.sidecar.stream.close()
        return fixture.hasEnded
      }
      #expect(fixture.relay.closeCode == .goingAway)
    }
  }

  // MARK: Misbehaviour

  static let sidecarFaults: [(bytes: [UInt8], code: UInt8, isFault: Bool)] = [
    ([0x82, 0x81, 1, 2, 3, 4, 5], 0xF3, true),  // masked
    ([0xC2, 0], 0xF3, true),  // a reserved bit
    ([0x83, 0], 0xF3, true),  // no such opcode
    ([0x80, 0], 0xF3, true),  // a continuation of nothing
    ([0x09, 0], 0xF3, true),  // a fragmented ping
    ([0x82, 127, 0, 0, 0, 0, 4, 16, 0, 0], 0xF1, false),  // 65 MiB: 1009
  ]

  @Test(arguments: sidecarFaults)
  func aSidecarsFaultIsNotTheClients(bytes: [UInt8], code: UInt8, isFault: Bool) async throws {
    try await Fixture.with { fixture in
      let good = Fixture.frame(.binary, [1], masked: false)
      fixture.sidecar.send(good + bytes)
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes.prefix(4)) == good + [0x88])
      #expect(Array(fixture.client.bytes[5...6]) == [0x03, code])
      try await eventually("the sidecar's connection ends") { fixture.sidecar.hasEnded }
      #expect(fixture.faults.isEmpty == !isFault)
    }
  }

  @Test func aClientsFaultIsToldToTheClientAlone() async throws {
    try await Fixture.with { fixture in
      fixture.client.send(Fixture.frame(.binary, [1], masked: false))  // not masked
      try await eventually("the client's connection ends") { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes.dropFirst(2).prefix(2)) == [0x03, 0xEA])
      try await eventually("the sidecar's connection ends") { fixture.sidecar.hasEnded }
      #expect(fixture.sidecar.bytes.first == 0x88 && fixture.faults.isEmpty)
    }
  }

  @Test func aFileOf64MiBPassesWithItsEnvelope() async throws {
    try await Fixture.with { fixture in
      let head: [UInt8] = [0x82, 127, 0, 0, 0, 0, 4, 0, 0, 9, 0x32]
      fixture.sidecar.send(head)
      try await eventually("the head is there") { fixture.client.bytes.count == head.count }
      #expect(fixture.client.bytes == head)
    }
  }
}
