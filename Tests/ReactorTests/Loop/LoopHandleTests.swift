import Glibc
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite struct LoopHandleTests {
  @Test func runsWhatOneThreadPostsInItsOrder() async throws {
    try await withLoop { loop in
      let door = loop.handle
      let seen = Mutex<[Int]>([])
      runOnThread { for number in 0..<10_000 { door.post { seen.withLock { $0.append(number) } } } }
      loop.run(until: { seen.withLock { $0.count } == 10_000 })
      #expect(seen.withLock { $0 } == Array(0..<10_000))
    }
  }

  @Test func losesNothingOfManyThreadsAndKeepsTheOrderOfEach() async throws {
    try await withLoop { loop in
      let door = loop.handle
      let seen = Mutex<[[Int]]>(Array(repeating: [], count: 8))
      let total = Atomic<Int>(0)
      for thread in 0..<8 {
        runOnThread {
          for number in 0..<2_000 {
            door.post {
              precondition(door.isOnLoop)
              seen.withLock { $0[thread].append(number) }
              total.wrappingAdd(1, ordering: .relaxed)
            }
          }
        }
      }
      loop.run(until: { total.load(ordering: .relaxed) == 16_000 })
      #expect(seen.withLock { $0 } == Array(repeating: Array(0..<2_000), count: 8))
    }
  }

  @Test func knowsItsThread() async throws {
    try await withLoop { loop in
      let door = loop.handle
      #expect(door.isOnLoop)
      let answer = Mutex<Bool?>(nil)
      runOnThread {
        let isOn = door.isOnLoop
        door.post { answer.withLock { $0 = isOn } }
      }
      loop.run(until: { answer.withLock { $0 } != nil })
      #expect(answer.withLock { $0 } == false)
    }
  }

  @Test func whatAJobPostsRunsInALaterTurn() async throws {
    try await withLoop { loop in
      let door = loop.handle
      let count = Atomic<Int>(0)
      door.post {
        count.wrappingAdd(1, ordering: .relaxed)
        door.post { count.wrappingAdd(1, ordering: .relaxed) }
      }
      loop.run(until: { count.load(ordering: .relaxed) == 1 })
      loop.run(until: { count.load(ordering: .relaxed) == 2 })
    }
  }

  @Test func doesNotKeepTheLoopRunning() async throws {
    try await withLoop { loop in
      loop.handle.post {}
      loop.run()
    }
  }

  @Test func closeRunsWhatWasAcceptedAndRefusesTheRest() async throws {
    try await withLoop { _ in
      let other = try Loop()
      let door = other.handle
      let log = Mutex<[String]>([])
      #expect(door.post { log.withLock { $0.append("accepted") } })
      other.close()
      #expect(!door.post { log.withLock { $0.append("late") } })
      #expect(log.withLock { $0 } == ["accepted"])
    }
  }

  @Test func whatIsPostedWhileItClosesIsRefusedOrRuns() async throws {
    try await withLoop { _ in
      for _ in 0..<50 {
        let other = try Loop()
        let door = other.handle
        let (accepted, ran, done) = (Counter(), Counter(), Counter())
        let started = Counter()
        runOnThread {
          started.add()
          while door.post({ ran.add() }) { accepted.add() }
          done.add()
        }
        while started.value == 0 { sched_yield() }
        while accepted.value < 10 { sched_yield() }
        other.close()
        while done.value == 0 { sched_yield() }
        #expect(ran.value == accepted.value)
      }
    }
  }
}

/// A count that threads share.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
  func add() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}
