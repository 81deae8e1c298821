import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct LoopTests {
  @Test func runReturnsWhenNothingIsLeft() async throws {
    try await withLoop { loop in
      loop.run()
      #expect(loop.handlesMade == 0)
    }
  }

  @Test func stopEndsTheRunAfterTheTurn() async throws {
    try await withLoop { loop in
      var count = 0
      let timer = loop.every(ms: 1) { count += 1 }
      let keeper = loop.after(ms: 1_000_000) {}
      loop.after(ms: 0) { loop.stop() }
      loop.run()
      #expect(count <= 1)
      timer.cancel()
      keeper.cancel()
    }
  }

  @Test func countsTheHandlesThatItsOwnersLeaveOpen() async throws {
    try await withLoop { _ in
      let other = try Loop()
      other.after(ms: 1_000_000) {}
      _ = other.every(ms: 1_000_000) {}
      #expect(other.close() == 2)
      #expect(other.handlesMade == other.handlesFreed)
      #expect(other.close() == 0, "closing twice is harmless")
    }
  }

  @Test func aClosingHandleIsNotCountedAsOpenByClose() async throws {
    try await withLoop { loop in
      let timer = loop.after(ms: 1_000_000) {}
      timer.cancel()
      #expect(loop.openHandles == 1, "freed in a later turn")
    }
  }

  @Test func theClockIsCachedForATurn() async throws {
    try await withLoop { loop in
      var fired: UInt64 = 0
      let start = loop.nowMs
      loop.after(ms: 5) { fired = loop.nowMs }
      loop.runToEnd()
      #expect(fired >= start + 5)
    }
  }

  @Test func errorsNameTheirErrno() {
    #expect("\(UVError.notFound)" == "no such file or directory (ENOENT)")
    #expect("\(UVError(-EACCES))".hasSuffix("(EACCES)"))
    #expect(UVError(-ENOTDIR).isNotFound)
    #expect(UVError(-EPERM).isPermission)
    #expect(!UVError.timedOut.isNotFound)
  }
}

@Suite struct TimerTests {
  @Test func firesOnceInTheOrderOfTime() async throws {
    try await withLoop { loop in
      var fired: [Int] = []
      loop.after(ms: 20) { fired.append(20) }
      loop.after(ms: 1) { fired.append(1) }
      loop.after(ms: 10) { fired.append(10) }
      loop.after(ms: 1) { fired.append(2) }
      loop.runToEnd()
      #expect(fired == [1, 2, 10, 20])
    }
  }

  @Test func repeatsUntilItIsCancelledInItsOwnCallback() async throws {
    try await withLoop { loop in
      var count = 0
      var timer: Timer?
      timer = loop.every(ms: 1) {
        count += 1
        if count == 3 { timer?.cancel() }
      }
      loop.run(until: { count == 3 })
      loop.turns(10)
      #expect(count == 3)
    }
  }

  @Test func aRepeatingTimerDoesNotKeepTheLoopRunning() async throws {
    try await withLoop { loop in
      let timer = loop.every(ms: 1) {}
      loop.run()
      timer.cancel()
    }
  }

  @Test func cancelInItsOwnCallbackIsHarmlessForAOneShotTimer() async throws {
    try await withLoop { loop in
      var count = 0
      var timer: Timer?
      timer = loop.after(ms: 1) {
        count += 1
        timer?.cancel()
        timer?.cancel()
      }
      loop.runToEnd()
      #expect(count == 1)
    }
  }

  @Test func aCancelledTimerNeverFires() async throws {
    try await withLoop { loop in
      let second = loop.after(ms: 1) { Issue.record("fired") }
      loop.after(ms: 0) { second.cancel() }
      let first = loop.after(ms: 0) { Issue.record("fired") }
      first.cancel()
      loop.after(ms: 5) {}
      loop.runToEnd()
    }
  }

  @Test func timersThatCancelEachOtherInOneTurnAreFreedOnce() async throws {
    try await withLoop { loop in
      var timers: [Timer] = []
      for _ in 0..<20 {
        timers.append(loop.after(ms: 1) { for timer in timers { timer.cancel() } })
      }
      loop.runToEnd()
      timers = []
    }
  }

  @Test func aTimerMadeInACallbackFires() async throws {
    try await withLoop { loop in
      var depth = 0
      func next() {
        depth += 1
        if depth < 10 { loop.after(ms: 0) { next() } }
      }
      next()
      loop.runToEnd()
      #expect(depth == 10)
    }
  }

  @Test func releasesWhatItsCallbackHolds() async throws {
    final class Held {}
    try await withLoop { loop in
      weak var held: Held?
      do {
        let object = Held()
        held = object
        loop.after(ms: 0) { _ = object }
      }
      #expect(held != nil)
      loop.runToEnd()
      #expect(held == nil)
    }
  }
}

@Suite struct SignalTests {
  @Test func isSeenByEveryWatchOfEveryLoop() async throws {
    try await withLoop { loop in
      var counts = [0, 0]
      let first = try SignalWatch(loop: loop, signal: SIGUSR1) { counts[0] += 1 }
      let second = try SignalWatch(loop: loop, signal: SIGUSR1) { counts[1] += 1 }
      kill(getpid(), SIGUSR1)
      loop.run(until: { counts == [1, 1] })
      first.cancel()
      kill(getpid(), SIGUSR1)
      loop.run(until: { counts == [1, 2] })
      second.cancel()
    }
  }

  @Test func doesNotKeepTheLoopRunning() async throws {
    try await withLoop { loop in
      let watch = try SignalWatch(loop: loop, signal: SIGUSR2) {}
      loop.run()
      watch.cancel()
    }
  }

  @Test func canBeCancelledInItsOwnCallback() async throws {
    try await withLoop { loop in
      var count = 0
      var watch: SignalWatch?
      watch = try SignalWatch(loop: loop, signal: SIGWINCH) {
        count += 1
        watch?.cancel()
        watch?.cancel()
      }
      kill(getpid(), SIGWINCH)
      loop.run(until: { count == 1 })
    }
  }

  @Test func refusesASignalThatCanNotBeCaught() async throws {
    try await withLoop { loop in
      #expect(throws: UVError(-EINVAL)) { try SignalWatch(loop: loop, signal: SIGKILL) {} }
    }
  }
}
