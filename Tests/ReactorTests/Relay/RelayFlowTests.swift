import TestSupport
import Testing

@testable import Reactor

/// What a relay does with peers that are slow, silent or gone.
@Suite struct RelayFlowTests {
  private typealias Fixture = RelayFixture

  /// A frame of 64 KiB.
  private static func long(masked: Bool) -> [UInt8] {
    Fixture.frame(
      .binary, (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) }, masked: masked)
  }

  /// Sends for as long as the kernel and the relay take it; returns how many bytes.
  private static func flood(_ fixture: Fixture, _ probe: StreamProbe, masked: Bool) -> Int {
    let frame = long(masked: masked)
    var sent = 0
    while !probe.stream.isCongested {
      probe.send(frame)
      sent += frame.count
      fixture.loop.turns(2)
    }
    return sent
  }

  @Test(arguments: [true, false], RelayTransport.allCases)
  func aPeerThatDoesNotReadStopsItsSenderAndNobodyElse(
    byClient: Bool, _ transport: RelayTransport
  ) async throws {
    try await Fixture.with(transport) { fixture in
      let (from, to) =
        byClient ? (fixture.client, fixture.upstream) : (fixture.upstream, fixture.client)
      to.stream.pauseReading()
      let sent = Self.flood(fixture, from, masked: byClient)
      let waiting = fixture.relay.pendingByteCount
      #expect(waiting > StreamLimits.highWaterBytes)
      #expect(waiting <= StreamLimits.highWaterBytes + StreamLimits.relayReadBytes)
      let back = Fixture.frame(.binary, [7], masked: !byClient)
      to.send(back)
      fixture.wait { from.bytes == back }
      to.stream.resumeReading()
      fixture.wait { to.bytes.count == sent }
      #expect(fixture.relay.pendingByteCount == 0)
      let frame = Self.long(masked: byClient)
      #expect(to.bytes.suffix(frame.count).elementsEqual(frame))
    }
  }

  @Test func queuesComeFromThePoolAndGoBack() async throws {
    try await Fixture.with { fixture in
      fixture.client.stream.pauseReading()
      let sent = Self.flood(fixture, fixture.upstream, masked: false)
      fixture.client.stream.resumeReading()
      fixture.wait { fixture.client.bytes.count == sent }
      let kept = fixture.loop.buffers.keptBytes
      #expect(kept >= StreamLimits.highWaterBytes && kept <= BufferPool.maxKeptBytes)
      // A close drops what waits, and gives its block back as well.
      fixture.client.stream.pauseReading()
      _ = Self.flood(fixture, fixture.upstream, masked: false)
      fixture.client.stream.close()
      fixture.wait { fixture.clientCloses == 1 }
      fixture.loop.turns(3)
      #expect(fixture.loop.buffers.keptBytes >= StreamLimits.highWaterBytes)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aPeerThatDoesNotCloseIsGivenUp(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport, reads: false, endMs: 1) { fixture in
      fixture.relay.end(.goingAway, "over")
      fixture.wait { fixture.hasEnded }
      #expect(fixture.relay.closeCode == .goingAway)
    }
  }

  /// The side that has closed has no deadline any more, for which a timer would fire for ever.
  @Test(arguments: [true, false], RelayTransport.allCases)
  func onePeerThatClosesAndOneThatDoesNot(
    clientCloses: Bool, _ transport: RelayTransport
  ) async throws {
    try await Fixture.with(transport, reads: false, endMs: 20) { fixture in
      fixture.relay.end(.goingAway, "over")
      (clientCloses ? fixture.client : fixture.upstream).stream.close()
      fixture.wait { fixture.hasEnded }
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aClientThatNeverReadsIsGivenUpAtTheEnd(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport, reads: false, endMs: 1) { fixture in
      _ = Self.flood(fixture, fixture.upstream, masked: false)
      fixture.relay.end(.goingAway, "the sandbox ended")
      fixture.wait { fixture.hasEnded }
      #expect(fixture.relay.pendingByteCount == 0)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func onePeerThatVanishesWhileMuchWaitsForItEndsBoth(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      fixture.upstream.stream.pauseReading()
      _ = Self.flood(fixture, fixture.client, masked: true)
      fixture.upstream.stream.close()
      fixture.wait { fixture.client.hasEnded || fixture.client.isClosed }
      #expect(fixture.relay.pendingByteCount <= StreamLimits.highWaterBytes)
    }
  }

  @Test(arguments: RelayTransport.allCases)
  func aFrameThatIsBegunAndNotFinishedEndsThePair(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport, stallMs: 0) { fixture in
      fixture.client.send([0x82])  // half a head
      var isLate = false
      fixture.loop.turns(5)
      fixture.loop.after(ms: 2) { isLate = true }
      fixture.wait { isLate }
      fixture.relay.checkStall()
      fixture.wait { fixture.client.hasEnded }
      #expect(Array(fixture.client.bytes.dropFirst(2).prefix(2)) == [0x03, 0xF0])
    }
  }

  /// Heads cut at every place, behind a payload that fills the read.
  @Test(arguments: RelayTransport.allCases)
  func cutHeadsArePutTogether(_ transport: RelayTransport) async throws {
    try await Fixture.with(transport) { fixture in
      let head = Fixture.frame(.binary, .init(repeating: 8, count: 300), masked: true)
      var sent: [UInt8] = []
      for cut in 1..<14 {
        let first = Fixture.frame(.text, .init(repeating: 65, count: 200), masked: true)
        fixture.client.send(first + head.prefix(cut))
        let before = sent.count + first.count
        fixture.wait { fixture.upstream.bytes.count >= before }
        fixture.client.send(Array(head.dropFirst(cut)))
        sent += first + head
        fixture.wait { fixture.upstream.bytes.count == sent.count }
      }
      #expect(fixture.upstream.bytes == sent)
    }
  }
}
