import Glibc
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// Limits, felt from inside. On a host without cgroups that we may write, those that need them are
/// left out: what is told there is in `withoutCgroupsTheLimitsAreSaidNotToHold`.
@Suite struct ResourceTests {
  /// Runs `body` with a backend that holds sandboxes to this by cgroups, where there are any.
  private func withCgroups(
    _ controller: CgroupController,
    change: @escaping @Sendable (inout LocalConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable @LoopActor (LocalFixture) async throws -> Void
  ) async throws {
    try await LocalFixture.with(change: change) { fixture in
      guard let host = fixture.backend.host, host.cgroups.holds(controller) else { return }
      try await body(fixture)
    }
  }

  @Test func aMemoryHogIsKilledAndItsSandboxGoesOn() async throws {
    try await withCgroups(.memory) { fixture in
      let id = try await fixture.create(resources: .init(memoryBytes: 64 << 20))
      let before = fixture.backend.memoryKills(id: id)
      let answer = try await fixture.run(
        id, "(python3 -c 'b\"x\" * (256 << 20)') 2>/dev/null; echo $?")
      #expect(answer.hasSuffix("137"))
      #expect(
        await fixture.backend.outOfMemory(id: id, since: before)
          == "out of memory (limit 64Mi)")
      #expect(await fixture.nextEvent() == .memoryKilled(id: id, count: 1))
      #expect(try await fixture.run(id, "echo here") == "here")
      #expect(await fixture.backend.outOfMemory(id: id, since: 1) == nil)
    }
  }

  @Test func aBusyLoopIsHeldToItsShareOfACore() async throws {
    try await withCgroups(.cpu) { fixture in
      let id = try await fixture.create(resources: .init(cpuMilli: 100))
      let share = try await fixture.run(
        id,
        """
        python3 -c 'import time
        start, used = time.monotonic(), time.process_time()
        while time.monotonic() - start < 1: pass
        print((time.process_time() - used) / (time.monotonic() - start))'
        """)
      #expect(try #require(Double(share)) < 0.4)
      let folders = try #require(fixture.backend.sandboxes[id]?.cgroup).folders
      let statistics = try #require(folders.first { $0.controllers.contains(.cpu) })
        .read("cpu.stat")
      let throttled = statistics.split(separator: "\n").first { $0.hasPrefix("nr_throttled ") }
      #expect(Int(try #require(throttled).dropFirst(13)) ?? 0 > 0)
    }
  }

  @Test func aForkBombIsContained() async throws {
    let change: @Sendable (inout LocalConfiguration) -> Void = { $0.limits.maxProcesses = 40 }
    try await withCgroups(.pids, change: change) { fixture in
      let neighbour = try await fixture.create()
      let id = try await fixture.create()
      let count = try await fixture.run(
        id,
        """
        python3 -c 'import os, time
        count = 0
        try:
            while count < 1000:
                if os.fork() == 0:
                    os.close(1)
                    os.close(2)
                    time.sleep(1000)
                count += 1
        except OSError: pass
        print(count)'
        """)
      #expect((10..<48).contains(try #require(Int(count))))
      #expect(try await fixture.run(neighbour, "echo here") == "here")
      await fixture.backend.delete(id: id)
      #expect(fixture.backend.host?.cgroups.find(id) == nil)
    }
  }

  @Test func aDiskFillerIsEndedWithTheReason() async throws {
    try await LocalFixture.with { fixture in
      let full = try await fixture.create(resources: .init(diskBytes: 32 << 20))
      let other = try await fixture.create(resources: .init(diskBytes: 64 << 20))
      let fill = "for i in 1 2 3 4; do head -c 9000000 /dev/zero > ~/$i; done; echo done"
      #expect(try await fixture.run(other, fill) == "done")
      _ = try await fixture.run(full, fill)
      guard case .failed(full, let reason) = await fixture.nextEvent() else {
        Issue.record("another event")
        return
      }
      #expect(reason.hasPrefix("disk over its limit: used 3"))
      #expect(reason.hasSuffix("Mi of 32Mi"))
      try await eventually("its processes end") {
        fixture.backend.sandboxes[full]?.hasEnded == true
      }
      #expect(throws: BackendError.failed("the sandbox's sidecar has ended")) {
        try fixture.backend.dial(id: full, .sidecar)
      }
      #expect(try await fixture.run(other, "echo here") == "here")
      #expect(fixture.events.isEmpty)
    }
  }

  @Test func cgroupsAreNeitherSeenNorReachedFromInside() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let answer = try await fixture.run(
        id,
        """
        grep -c cgroup /proc/self/mountinfo; cut -d: -f3 /proc/self/cgroup | sort -u
        ls -d /sys 2>/dev/null; find / -name 'cgroup.procs' 2>/dev/null; mkdir /tmp/c
        mount -t cgroup -o memory none /tmp/c 2>/dev/null || mount -t cgroup2 none /tmp/c 2>/dev/null
        echo $?; ls /tmp/c
        """)
      let lines = answer.split(separator: "\n").map(String.init)
      #expect(lines.first == "0")
      #expect(lines.dropFirst().first == "/" || fixture.backend.host?.cgroups.folders == [])
      #expect(lines.dropFirst(2).allSatisfy { $0 != "0" && !$0.contains("cgroup") }, "\(answer)")
    }
  }

  @Test func cgroupsGoWithTheirSandboxAlsoAfterAnotherServersStart() async throws {
    try await withCgroups(.pids) { fixture in
      let first = try await fixture.create(resources: .init(memoryBytes: 64 << 20))
      let second = try await fixture.create()
      let made = try #require(fixture.backend.sandboxes[first]?.cgroup)
      #expect(made.folders.allSatisfy { $0.exists })
      // Somebody has raised a limit meanwhile: what the state file says is set again.
      for folder in made.folders where folder.controllers.contains(.pids) {
        try folder.write("pids.max", "7")
      }
      #expect(try await fixture.restart().count == 2)
      let adopted = try #require(fixture.backend.sandboxes[first]?.cgroup)
      #expect(adopted.folders.map(\.path) == made.folders.map(\.path))
      let limits = try #require(fixture.backend.host).launcher
        .cgroupLimits(try fixture.state(first).limits, nil)
      for folder in adopted.folders { try folder.verify(limits) }
      await fixture.backend.delete(id: first)
      #expect(made.folders.allSatisfy { !$0.exists })
      #expect(try await fixture.run(second, "echo here") == "here")
    }
  }

  @Test func cgroupsOfTheDeadAreRemovedAtTheStartWithWhatRunsInThem() async throws {
    try await withCgroups(.pids) { fixture in
      let launcher = try #require(fixture.backend.host).launcher
      let left = try #require(
        try launcher.cgroups.make("left", launcher.cgroupLimits(launcher.limits.resources, nil)))
      var options = SpawnOptions(command: "/bin/sleep", arguments: ["1000"])
      let entrance = try left.entrance()
      options.cgroups = entrance.descriptors
      let pid = try withExtendedLifetime(entrance) { try options.spawn() }
      _ = try await fixture.restart()
      #expect(left.folders.allSatisfy { !$0.exists })
      var status: Int32 = 0
      #expect(waitpid(pid, &status, 0) == pid && status == SIGKILL)
    }
  }

  @Test func withoutCgroupsTheLimitsAreSaidNotToHold() async throws {
    try await LocalFixture.with(change: { $0.cgroupParent = Cgroups.noParent }) { fixture in
      #expect(fixture.backend.notEnforced == [.cpu, .memory])
      let id = try await fixture.create()
      #expect(fixture.backend.sandboxes[id]?.cgroup == nil)
      let processes = try #require(try fixture.state(id).processes)
      let line = HostProcess.commandLines().first { $0.pid == processes.sidecar.pid }
      #expect(line?.words.contains("--max-data-bytes") == true)
      #expect(await fixture.backend.outOfMemory(id: id, since: 0) == nil)
    }
  }
}
