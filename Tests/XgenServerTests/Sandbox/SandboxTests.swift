import ServerTestSupport
import Testing

@testable import XgenServer

/// The states of a sandbox, which only move forward.
@Suite struct SandboxTests {
  private static let all: [SandboxStatus] = [.starting, .running, .stopping, .stopped, .error]

  private static let steps: Set<[SandboxStatus]> = [
    [.starting, .running], [.starting, .error], [.running, .error], [.starting, .stopping],
    [.running, .stopping], [.error, .stopping], [.stopping, .stopped],
  ]

  @Test(arguments: all, all)
  func movesByTheTableOnly(from: SandboxStatus, to: SandboxStatus) {
    #expect(Sandbox.canMove(from: from, to: to) == Self.steps.contains([from, to]))
  }

  @Test func aRefusedStepChangesNothing() async throws {
    try await TestLoop.run {
      let sandbox = Sandbox(LocalFixture.record())
      #expect(sandbox.move(to: .error, reason: "first"))
      #expect(!sandbox.move(to: .running) && !sandbox.move(to: .error, reason: "second"))
      #expect(sandbox.status == .error && sandbox.statusReason == "first")
    }
  }

  @Test func everyWaiterIsWokenByAChange() async throws {
    try await TestLoop.run {
      let sandbox = Sandbox(LocalFixture.record())
      var woken = 0
      let waiters = (0..<3).map { _ in
        Task { @LoopActor in
          await sandbox.waitForChange(ms: 1 << 40)
          return sandbox.status
        }
      }
      await turns(2)
      sandbox.move(to: .running)
      for waiter in waiters where await waiter.value == .running { woken += 1 }
      #expect(woken == 3)
    }
  }

  @Test func aWaitEndsByItselfToo() async throws {
    try await TestLoop.run {
      let sandbox = Sandbox(LocalFixture.record())
      await sandbox.waitForChange(ms: 1)
      await sandbox.waitForChange(ms: 0)
      #expect(sandbox.status == .starting)
    }
  }

  @Test func whatClientsAreToldFollowsEveryChange() async throws {
    try await TestLoop.run {
      let addresses = PublicAddresses(externalURL: "http://x", previewDomain: "p.localhost")
      let sandbox = Sandbox(LocalFixture.record())
      @LoopActor func told() -> JSONObject? {
        let (first, second) = (sandbox.json(addresses), sandbox.json(addresses))
        #expect(first == second)
        return (try? JSONParser.parse(first))?.objectValue
      }
      #expect(told()?["status"]?.stringValue == "starting")
      sandbox.move(to: .running)
      #expect(told()?["status"]?.stringValue == "running")
      let before = told()?["expires_at"]?.stringValue
      sandbox.extend(toMs: sandbox.record.expiresAtMs + 1000)
      #expect(before != nil && told()?["expires_at"]?.stringValue != before)
      sandbox.move(to: .error, reason: "it fell over")
      #expect(told()?["status_reason"]?.stringValue == "it fell over")
    }
  }
}
