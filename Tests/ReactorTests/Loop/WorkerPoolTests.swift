import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct WorkerPoolTests {
  @Test func worksElsewhereAndAnswersOnTheLoop() async throws {
    try await withLoop { loop in
      let door = loop.handle
      let pool = WorkerPool(loop: loop)
      var answer: (workedOnLoop: Bool, answeredOnLoop: Bool)?
      try pool.submit {
        door.isOnLoop
      } completion: {
        answer = ($0, door.isOnLoop)
      }
      #expect(answer == nil)
      #expect(pool.outstanding == 1)
      loop.runToEnd()
      #expect(answer?.workedOnLoop == false)
      #expect(answer?.answeredOnLoop == true)
      #expect(pool.outstanding == 0)
      pool.close()
    }
  }

  @Test func keepsTheLoopRunningUntilTheLastAnswer() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop, maxThreads: 3)
      var sum = 0
      for number in 1...500 {
        try pool.submit {
          number * 2
        } completion: {
          sum += $0
        }
      }
      loop.runToEnd()
      #expect(sum == 500 * 501)
      pool.close()
    }
  }

  @Test func oneThreadAnswersInTheOrderOfTheWork() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop, maxThreads: 1)
      var answers: [Int] = []
      for number in 0..<300 {
        try pool.submit {
          number
        } completion: {
          answers.append($0)
        }
      }
      loop.runToEnd()
      #expect(answers == Array(0..<300))
      pool.close()
    }
  }

  @Test func refusesWhatDoesNotFitIntoTheQueue() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop, maxThreads: 1, maxQueued: 3)
      let gate = Gate()
      var finished = 0
      try pool.submit {
        gate.pass()
      } completion: {
        finished += 1
      }
      while gate.waiting == 0 { sched_yield() }
      for _ in 0..<3 {
        try pool.submit {
        } completion: {
          finished += 1
        }
      }
      #expect(throws: WorkerPool.Full.self) {
        try pool.submit {
          Issue.record("ran")
        } completion: {
          Issue.record("answered")
        }
      }
      #expect(pool.outstanding == 4)
      gate.open()
      loop.runToEnd()
      #expect(finished == 4)
      try pool.submit {
      } completion: {
        finished += 1
      }
      loop.runToEnd()
      #expect(finished == 5)
      pool.close()
    }
  }

  @Test func usesItsThreadsAtOnceAndNoMore() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop, maxThreads: 3)
      let gate = Gate()
      for _ in 0..<6 {
        try pool.submit {
          gate.pass()
        } completion: {
        }
      }
      while gate.waiting < 3 { sched_yield() }
      #expect(gate.waiting == 3)
      gate.open()
      loop.runToEnd()
      #expect(gate.passed == 6)
      pool.close()
    }
  }

  @Test func closeWaitsForWhatIsQueued() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop, maxThreads: 2)
      let done = Counter()
      var answers = 0
      for _ in 0..<100 {
        try pool.submit {
          done.add()
        } completion: {
          answers += 1
        }
      }
      pool.close()
      #expect(done.value == 100)
      #expect(answers == 0, "answers come on the loop")
      pool.close()
      #expect(throws: WorkerPool.Full.self) {
        try pool.submit {
        } completion: {
        }
      }
      loop.runToEnd()
      #expect(answers == 100)
    }
  }

  @Test func closesWithoutHavingWorked() async throws {
    try await withLoop { loop in WorkerPool(loop: loop).close() }
  }

  @Test func completionsAreFreedOnTheLoop() async throws {
    try await withLoop { loop in
      let pool = WorkerPool(loop: loop)
      let freed = Counter()
      for _ in 0..<50 {
        let witness = ThreadWitness(door: loop.handle, freed: freed)
        try pool.submit {
        } completion: {
          _ = witness
        }
      }
      loop.runToEnd()
      #expect(freed.value == 50)
      pool.close()
    }
  }
}

/// Must be freed on its loop's thread.
private final class ThreadWitness {
  private let door: LoopHandle
  private let freed: Counter

  init(door: LoopHandle, freed: Counter) {
    self.door = door
    self.freed = freed
  }

  deinit {
    precondition(door.isOnLoop, "freed by a worker")
    freed.add()
  }
}

/// Threads wait in it until it is opened.
final class Gate: Sendable {
  private let arrivals = Counter()
  private let departures = Counter()
  private let opened = Counter()

  var waiting: Int { arrivals.value }
  var passed: Int { departures.value }
  func open() { opened.add() }

  func pass() {
    arrivals.add()
    while opened.value == 0 { sched_yield() }
    departures.add()
  }
}
