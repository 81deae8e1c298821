import Reactor
import Testing
import XgenProtocol

@testable import XgenSidecar

/// A client that reads slowly slows its processes down, and loses nothing.
@Suite struct BackpressureTests {
  @Test func congestionBlocksProcessAndDrainBringsAllInOrder() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.wire.roomBytes = 64 * 1024
    client.shell("seq 1 400000; echo > finished")
    harness.run { client.wire.isCongested }
    let held = client.wire.bytes(.execStdout, 7).count
    #expect(held <= 64 * 1024 + 32 * 1024)
    harness.run(forMs: 400)
    #expect(client.wire.bytes(.execStdout, 7).count == held, "nothing is taken while congested")
    #expect(client.exitCode() == nil)
    client.drainUntilExit()
    #expect(client.stdout() == (1...400_000).map { "\($0)\n" }.joined())
    harness.finish()
  }

  @Test func frameHoldsAtMost32KiB() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("head", ["-c", "1000000", "/dev/zero"])
    client.waitForExit()
    #expect(client.wire.messages.allSatisfy { $0.payload.count <= 32 * 1024 })
    #expect(client.wire.bytes(.execStdout, 7).count == 1_000_000)
    harness.finish()
  }

  @Test func channelsTakeTurns() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.wire.isCongested = true
    for channel: UInt32 in 1...3 { client.start("yes", channel: channel) }
    for _ in 0..<60 {
      harness.run { client.session.pump.waitingCount == 3 }
      client.wire.roomBytes = 1  // one turn, then it is congested again
      client.wire.isCongested = false
      client.session.transportDidDrain()
    }
    for channel: UInt32 in 1...3 {
      let turns = client.wire.messages.count {
        $0.head.messageType == .execStdout && $0.head.channel == channel
      }
      #expect((19...21).contains(turns))
    }
    harness.finish()
  }

  @Test func outputOfEndedCommandSurvivesCongestion() throws {
    let harness = try SidecarHarness { $0.outputGraceMs = 20 }
    let client = harness.connect()
    client.wire.isCongested = true
    client.shell("sleep 5 & seq 1 5000")  // fits into the pipe
    harness.run(forMs: 200)
    #expect(client.stdout() == "")
    #expect(client.exitCode() == nil)
    client.drainUntilExit()
    #expect(client.stdout() == (1...5000).map { "\($0)\n" }.joined())
    harness.finish()
  }

  @Test func signalsAreHeardWhileCongested() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.wire.roomBytes = 1
    client.start("yes")
    harness.run { client.wire.isCongested }
    #expect(!client.wire.isPaused)
    client.send(ExecSignal(signal: .interrupt), channel: 7)
    client.drainUntilExit()
    #expect(client.exitCode() == 130)
    harness.finish()
  }

  @Test func clientThatReadsNoAnswersIsNotListenedTo() throws {
    let harness = try SidecarHarness { $0.repliesWhileCongestedBytes = 1000 }
    let client = harness.connect()
    client.wire.isCongested = true
    for _ in 0..<200 { client.send(EnvelopeHead(.ping, id: 5).message()) }
    #expect(client.wire.isPaused)
    client.drain(room: 1_000_000)
    #expect(!client.wire.isPaused)
    harness.finish()
  }

  @Test func closeWhileCongestedLeavesNothing() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.wire.roomBytes = 1
    for channel: UInt32 in 1...4 { client.start("yes", channel: channel) }
    harness.run { client.wire.isCongested }
    client.session.close()
    harness.run { harness.sidecar.processes.isEmpty }
    harness.finish()
  }
}

extension Client {
  /// The client has read: there is room again.
  func drain(room: Int) {
    wire.roomBytes = room
    wire.isCongested = false
    session.transportDidDrain()
    harness.loop.runOnce()
  }

  fileprivate func drainUntilExit() {
    harness.run {
      if exitCode() == nil { drain(room: 64 * 1024) }
      return exitCode() != nil
    }
  }
}
