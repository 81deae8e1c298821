import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct SocketStreamTests {
  @Test func bytesArriveInOrder() async throws {
    try await withPair { loop, near, far in
      var random = SplitMix64(seed: 1)
      var sent: [UInt8] = []
      for _ in 0..<200 {
        let piece = random.bytes(Int.random(in: 0..<9000, using: &random))
        sent += piece
        near.send(piece)
      }
      loop.run(until: { far.bytes.count >= sent.count })
      #expect(far.bytes == sent)
      #expect(far.readCounts.allSatisfy { $0 <= StreamLimits.readBytes })
      #expect(near.stream.pendingByteCount == 0)
    }
  }

  @Test func bothDirectionsCarryMoreThanTheKernelHolds() async throws {
    try await withPair { loop, near, far in
      let forth = SplitMix64.bytes(seed: 2, 3_000_000)
      let back = SplitMix64.bytes(seed: 3, 2_000_000)
      near.send(forth)
      far.send(back)
      loop.run(until: { far.bytes.count == forth.count && near.bytes.count == back.count })
      #expect(far.bytes == forth)
      #expect(near.bytes == back)
    }
  }

  @Test func endWritingEndsOneDirectionAfterWhatIsPending() async throws {
    try await withPair { loop, near, far in
      near.send([UInt8](repeating: 7, count: 2_000_000))
      #expect(near.stream.pendingByteCount > 0)
      near.stream.endWriting()
      near.stream.endWriting()
      near.send("ignored")
      loop.run(until: { far.hasEnded })
      #expect(far.bytes.count == 2_000_000)
      #expect(!near.hasEnded)
      far.send("the other way is open")
      loop.run(until: { near.text == "the other way is open" })
    }
  }

  @Test func congestionBeginsAboveTheHighMarkAndEndsWithADrain() async throws {
    try await withPair { loop, near, far in
      far.stream.pauseReading()
      let piece = [UInt8](repeating: 1, count: 16 * 1024)
      while !near.stream.isCongested { near.send(piece) }
      #expect(near.stream.pendingByteCount > StreamLimits.highWaterBytes)
      #expect(near.stream.pendingByteCount <= StreamLimits.highWaterBytes + piece.count)
      loop.turns(20)
      #expect(near.drainCount == 0)
      far.stream.resumeReading()
      var pendingAtDrain = -1
      near.onDrain = { pendingAtDrain = near.stream.pendingByteCount }
      loop.run(until: { near.stream.pendingByteCount == 0 })
      #expect(near.drainCount == 1)
      #expect((0...StreamLimits.lowWaterBytes).contains(pendingAtDrain))
    }
  }

  @Test func withoutCongestionThereIsNoDrain() async throws {
    try await withPair { loop, near, far in
      for _ in 0..<50 { near.send([UInt8](repeating: 1, count: 1000)) }
      loop.run(until: { far.bytes.count == 50_000 })
      #expect(near.drainCount == 0)
    }
  }

  @Test func aDrainMayWriteUntilItIsCongestedAgain() async throws {
    try await withPair { loop, near, far in
      let piece = [UInt8](repeating: 1, count: 100_000)
      func fill() { while !near.stream.isCongested { near.send(piece) } }
      near.onDrain = { if near.drainCount < 4 { fill() } }
      fill()
      loop.run(until: { near.drainCount == 4 && near.stream.pendingByteCount == 0 })
      loop.turns(10)
      #expect(far.bytes.count % piece.count == 0)
    }
  }

  @Test func nothingIsReadWhilePaused() async throws {
    try await withPair { loop, near, far in
      far.stream.pauseReading()
      near.send("waits")
      loop.turns(20)
      #expect(far.bytes.isEmpty)
      far.stream.resumeReading()
      loop.run(until: { far.text == "waits" })
    }
  }

  @Test func aPauseInTheReadCallbackHolds() async throws {
    try await withPair { loop, near, far in
      far.onReceive = { far.stream.pauseReading() }
      near.send([UInt8](repeating: 1, count: 200_000))
      loop.turns(20)
      #expect(far.readCounts.count == 1)
      far.onReceive = nil
      far.stream.resumeReading()
      loop.run(until: { far.bytes.count == 200_000 })
    }
  }

  @Test func readingStartsPaused() async throws {
    try await withLoop { loop in
      let (a, b) = try SocketStream.pair(loop: loop)
      let (near, far) = (StreamProbe(a), StreamProbe(b, reads: false))
      near.send("x")
      loop.turns(10)
      #expect(far.bytes.isEmpty)
      close(near, far, on: loop)
    }
  }

  @Test func aTerminalsOrPipesEndIsAnEndAndNoError() async throws {
    try await withLoop { loop in
      let ends = makePipe()
      let reader = StreamProbe(try SocketStream(loop: loop, descriptor: ends.reader, kind: .pipe))
      let writer = StreamProbe(
        try SocketStream(loop: loop, descriptor: ends.writer, kind: .pipe), reads: false)
      writer.send([UInt8](repeating: 3, count: 500_000))
      writer.stream.endWriting()
      loop.run(until: { reader.hasEnded })
      #expect(reader.bytes.count == 500_000)
      loop.run(until: { writer.isClosed })
      #expect(writer.error == nil)
      close(reader, writer, on: loop)
    }
  }
}

/// Lends two connected Unix streams and closes them.
func withPair(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @Sendable (Loop, _ near: StreamProbe, _ far: StreamProbe) throws -> Void
) async throws {
  try await withLoop(sourceLocation: sourceLocation) { loop in
    let (a, b) = try SocketStream.pair(loop: loop)
    let (near, far) = (StreamProbe(a), StreamProbe(b))
    try body(loop, near, far)
    close(near, far, on: loop)
  }
}

func close(_ probes: StreamProbe..., on loop: Loop) {
  for probe in probes { probe.stream.close() }
  loop.run(until: { probes.allSatisfy { $0.isClosed } })
  for probe in probes { #expect(probe.closeCount == 1) }
}

extension SplitMix64 {
  static func bytes(seed: UInt64, _ count: Int) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return random.bytes(count)
  }
}
