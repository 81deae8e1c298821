import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct ChildProcessTests {
  @Test(arguments: [0, 1, 42, 255] as [Int32])
  func reportsTheExitCode(code: Int32) async throws {
    try await withLoop { loop in
      try #expect(SpawnOptions.shell("exit \(code)").run(on: loop).exitCode == code)
    }
  }

  @Test(arguments: [SIGTERM, SIGKILL, SIGABRT, SIGPIPE])
  func reportsADeathBySignal(number: Int32) async throws {
    try await withLoop { loop in
      let result = try SpawnOptions.shell("kill -\(number) $$").run(on: loop)
      #expect(result.exitCode == 128 + number)
    }
  }

  @Test func reportsOnceAndOnlyWhenTheLoopTurns() async throws {
    try await withLoop { loop in
      var codes: [Int32] = []
      let child = try ChildProcess(loop: loop, .shell("exit 3")) { codes.append($0) }
      #expect(child.exitCode == nil)
      loop.run(until: { !codes.isEmpty })
      loop.turns(5)
      #expect(codes == [3])
      #expect(kill(child.pid, 0) == -1, "reaped")
      child.signal(SIGKILL)
    }
  }

  @Test func manyChildrenEndInAnyOrder() async throws {
    try await withLoop { loop in
      var codes: [Int32] = []
      for code in 0..<20 {
        _ = try ChildProcess(loop: loop, .shell("exit \(code)")) { codes.append($0) }
      }
      loop.run(until: { codes.count == 20 })
      #expect(codes.sorted() == Array(0..<20))
    }
  }

  @Test func signalsTheProcessAlone() async throws {
    try await withLoop { loop in
      var code: Int32?
      let child = try ChildProcess(loop: loop, .shell("exec sleep 1000")) { code = $0 }
      child.signal(SIGTERM)
      loop.run(until: { code != nil })
      #expect(code == 128 + SIGTERM)
    }
  }

  @Test func signalsTheWholeGroup() async throws {
    try await withLoop { loop in
      let pipe = makePipe()
      let output = StreamProbe(
        try SocketStream(loop: loop, descriptor: pipe.reader, kind: .pipe))
      var options = SpawnOptions.shell("sleep 1000 & echo started; wait")
      options.descriptors = [-1, pipe.writer]
      var code: Int32?
      let child = try ChildProcess(loop: loop, options) { code = $0 }
      Glibc.close(pipe.writer)
      loop.run(until: { output.text == "started\n" })
      child.signalGroup(SIGKILL)
      // The pipe ends only when the grandchild, which has it too, is gone.
      loop.run(until: { code != nil && output.hasEnded })
      #expect(code == 128 + SIGKILL)
      close(output, on: loop)
    }
  }

  @Test func keepsTheLoopRunningWhileItRuns() async throws {
    try await withLoop { loop in
      var code: Int32?
      _ = try ChildProcess(loop: loop, .shell("exit 7")) { code = $0 }
      loop.runToEnd()
      #expect(code == 7)
    }
  }

  /// In a process of its own: it adopts orphans and reaps whatever ends.
  @Test func theReaperTakesOrphansAndLeavesChildrenTheirCode() async {
    await #expect(processExitsWith: .success) {
      becomeSubreaper()
      try await withLoop { loop in
        let reaper = try OrphanReaper(loop: loop)
        let gate = makePipe()
        var options = SpawnOptions.shell("(read line <&3) & (read line <&3) & exit 5")
        options.descriptors = [-1, -1, -1, gate.reader]
        var code: Int32?
        _ = try ChildProcess(loop: loop, options) { code = $0 }
        loop.run(until: { code != nil })
        #expect(code == 5)
        #expect(hasChildren(), "the orphans are ours now")
        Glibc.close(gate.reader)
        Glibc.close(gate.writer)
        loop.run(until: { !hasChildren() })
        for expected: Int32 in 0..<20 {
          var code: Int32?
          _ = try ChildProcess(loop: loop, .shell("exit \(expected)")) { code = $0 }
          loop.run(until: { code != nil })
          #expect(code == expected)
        }
        reaper.close()
        reaper.close()
      }
    }
  }
}

@Suite struct ProcessWatchTests {
  @Test func seesTheEndOfAChildAndReapsIt() async throws {
    try await withLoop { loop in
      let pid = try SpawnOptions.shell("exit 1").spawn()
      var ends = 0
      let watch = try ProcessWatch(loop: loop, pid: pid) { ends += 1 }
      #expect(watch.pid == pid)
      loop.runToEnd()
      #expect(ends == 1)
      #expect(kill(pid, 0) == -1)
      watch.cancel()
    }
  }

  @Test func seesTheEndOfAProcessThatIsNoChild() async throws {
    try await withLoop { loop in
      let result = try SpawnOptions.shell("sleep 1000 > /dev/null 2>&1 & echo $!").run(on: loop)
      let pid = try #require(Int32(result.output.dropLast()))
      var hasEnded = false
      let watch = try ProcessWatch(loop: loop, pid: pid) { hasEnded = true }
      loop.turns(5)
      #expect(!hasEnded)
      watch.kill()
      loop.run(until: { hasEnded })
    }
  }

  @Test func isSilentOnceCancelled() async throws {
    try await withLoop { loop in
      var code: Int32?
      let child = try ChildProcess(loop: loop, .shell("exec sleep 1000")) { code = $0 }
      let watch = try ProcessWatch(loop: loop, pid: child.pid) { Issue.record("reported") }
      watch.cancel()
      watch.cancel()
      child.signal(SIGKILL)
      loop.run(until: { code != nil })
    }
  }

  @Test func refusesAPidThatIsNotThere() async throws {
    try await withLoop { loop in
      var code: Int32?
      let child = try ChildProcess(loop: loop, .shell("exit 0")) { code = $0 }
      loop.run(until: { code != nil })
      #expect(throws: UVError(-ESRCH)) { try ProcessWatch(loop: loop, pid: child.pid) {} }
    }
  }
}
