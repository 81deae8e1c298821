import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// A peer that does not read costs a bounded amount of memory, and slows its own sender only.
@Suite struct RelayBackpressureTests {
  /// The most that may wait for one peer: the high mark, and the read that passed it.
  private static let boundBytes = StreamLimits.highWaterBytes + StreamLimits.readBytes

  @Test(arguments: [true, false])
  func aPeerThatDoesNotReadStopsTheOther(clientSends: Bool) async throws {
    try await RelayFixture.with(reads: false) { fixture in
      let (from, to) =
        clientSends ? (fixture.client, fixture.sidecar) : (fixture.sidecar, fixture.client)
      let frame = RelayFixture.frame(
        .binary, (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) }, masked: clientSends)
      let frameCount = 64
      for _ in 0..<frameCount { from.send(frame) }
      let all = frameCount * frame.count

      try await eventually("the relay is full") {
        fixture.relay.pendingByteCount > StreamLimits.highWaterBytes
      }
      var lastPending = -1
      try await eventually("nothing moves any more") {
        let pending = from.stream.pendingByteCount
        defer { lastPending = pending }
        #expect(fixture.relay.pendingByteCount <= Self.boundBytes)
        return pending == lastPending
      }
      #expect(from.stream.pendingByteCount > all / 2)

      // The other direction goes on meanwhile.
      let pong = RelayFixture.frame(.pong, [1, 2, 3], masked: !clientSends)
      from.stream.resumeReading()
      to.send(pong)
      try await eventually("the pong is there") { from.bytes.count == pong.count }

      var most = 0
      to.stream.resumeReading()
      try await eventually("all is there") {
        most = max(most, fixture.relay.pendingByteCount)
        return to.bytes.count >= all
      }
      #expect(most <= Self.boundBytes)
      #expect(to.bytes.count == all)
      #expect(to.bytes[(all - frame.count)...].elementsEqual(frame))
    }
  }

  @Test func aClientThatNeverReadsIsGivenUpAtTheEnd() async throws {
    try await RelayFixture.with(reads: false) { fixture in
      let frame = RelayFixture.frame(.binary, .init(repeating: 1, count: 65_536), masked: false)
      for _ in 0..<32 { fixture.sidecar.send(frame) }
      try await eventually("the relay is full") {
        fixture.relay.pendingByteCount > StreamLimits.highWaterBytes
      }
      fixture.relay.end(.goingAway, "the sandbox ended")
      try await eventually("both sides are closed") { fixture.hasEnded }
      #expect(fixture.relay.pendingByteCount == 0)
    }
  }
}
