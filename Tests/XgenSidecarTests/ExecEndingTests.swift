import Glibc
import Reactor
import Testing
import XgenProtocol

@testable import XgenSidecar

/// When a command is over, and what a lost connection leaves: nothing.
@Suite struct ExecEndingTests {
  @Test func backgroundChildHoldsExitAtMostGraceTime() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let before = harness.loop.nowMs
    client.shell("sleep 5 & echo done")
    #expect(client.waitForExit() == 0)
    #expect(harness.loop.nowMs - before >= 240)
    #expect(harness.loop.nowMs - before < 1500)
    #expect(client.stdout() == "done\n")
    harness.finish()
  }

  @Test func backgroundChildThatWritesOnDoesNotHoldExit() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("yes & echo $!")
    #expect(client.waitForExit() == 0)
    harness.run(forMs: 30)
    let types = client.wire.types.filter { $0 != .portOpen && $0 != .portClose }
    #expect(types.last == .execExit, "nothing follows ExecExit")
    harness.finish()
  }

  @Test func backgroundChildWithoutPipeDoesNotDelayExit() throws {
    let harness = try SidecarHarness { $0.outputGraceMs = 8_000 }
    let client = harness.connect()
    client.shell("sleep 5 > /dev/null 2>&1 & echo done")
    let before = harness.loop.nowMs
    #expect(client.waitForExit() == 0)
    #expect(harness.loop.nowMs - before < 4_000)
    harness.finish()
  }

  @Test func closeHangsUpAtOnce() throws {
    let harness = try SidecarHarness { $0.hangupGraceMs = 8_000 }
    let client = harness.connect()
    client.shell("trap 'echo x > hung-up; exit' HUP; echo ready; while :; do sleep 0.01; done")
    harness.run { client.stdout() == "ready\n" }
    client.session.close()
    harness.run(timeoutMs: 4_000) { access(harness.workspace + "/hung-up", F_OK) == 0 }
    harness.run(timeoutMs: 4_000) { harness.sidecar.processes.isEmpty }
    harness.finish()
  }

  @Test func closeKillsWhatIgnoresHangup() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("trap '' HUP; sleep 100 & echo $! $$; wait")
    harness.run { client.stdout().hasSuffix("\n") }
    let pids = client.stdout().split { $0 == " " || $0 == "\n" }.map { Int32($0)! }
    client.session.close()
    for pid in pids { #expect(isRunning(pid)) }
    harness.run { pids.allSatisfy { !isRunning($0) } }
    harness.finish()
  }

  @Test func closeKillsBackgroundJobOfInteractiveShell() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("/bin/bash", ["--norc", "--noprofile", "-i"], tty: true)
    client.stdin("PS1=; stty -echo; (trap '' HUP; exec sleep 100) & echo pid=$!=\n")
    harness.run { pid(in: client.stdout()) != nil }
    let job = pid(in: client.stdout())!
    #expect(getpgid(job) == job, "a group of its own")
    client.session.close()
    harness.run { !isRunning(job) }
    harness.finish()
  }

  /// `server &` in a shell that then ends: it is the sandbox's, not the connection's.
  @Test func closeSparesBackgroundChildOfEndedCommand() throws {
    let harness = try SidecarHarness { $0.hangupGraceMs = 20 }
    let client = harness.connect()
    client.shell("sleep 5 > /dev/null 2>&1 & echo pid=$!=")
    client.waitForExit()
    let child = pid(in: client.stdout())!
    client.session.close()
    harness.run(forMs: 60)
    #expect(isRunning(child))
    kill(child, SIGKILL)
    harness.finish()
  }

  @Test func killSignalReachesEveryGroupOfTheSession() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("/bin/bash", ["-c", "set -m; sleep 100 & echo pid=$!=; wait"])
    harness.run { pid(in: client.stdout()) != nil }
    let job = pid(in: client.stdout())!
    #expect(getpgid(job) == job, "a group of its own")
    client.send(ExecSignal(signal: .kill), channel: 7)
    #expect(client.waitForExit() == 137)
    harness.run { !isRunning(job) }
    harness.finish()
  }

  @Test func oneSessionsEndLeavesTheOthersAlone() throws {
    let harness = try SidecarHarness()
    let first = harness.connect()
    let second = harness.connect()
    first.start("cat")
    second.start("cat")
    first.session.close()
    harness.run { harness.sidecar.processes.count == 1 }
    harness.run { harness.sidecar.ender.waiting == 0 }
    second.stdin("alive")
    harness.run { second.stdout() == "alive" }
    #expect(first.exitCode() == nil)
    harness.finish()
  }

  private func pid(in text: String) -> Int32? {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    return parts.indices.dropFirst().lazy.compactMap { Int32(parts[$0]) }.first
  }

  @Test func parsesMembershipBehindAnyName() {
    let member = ProcessSweep.Membership(stat: "12 (a) R (b) ) S 1 34 56 0 -1 4194560")
    #expect(member?.group == 34)
    #expect(member?.session == 56)
    #expect(ProcessSweep.Membership(stat: "12 (a") == nil)
    #expect(ProcessSweep.Membership(stat: "9 (z) Z 1 2 3")?.isZombie == true)
  }
}
