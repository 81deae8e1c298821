import Reactor
import Synchronization
import TestSupport
import Testing

@Suite struct LoopExecutorTests {
  @Test func runsAnActorsTasksOnTheLoop() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      executor.bind(to: loop)
      let tally = Tally(executor, loop.handle)
      let done = Counter()
      for number in 1...100 {
        Task(executorPreference: executor) {
          await tally.add(number)
          done.add()
        }
      }
      loop.run(until: { done.value == 100 })
      Task(executorPreference: executor) {
        #expect(await tally.sum == 5050)
        done.add()
      }
      loop.run(until: { done.value == 101 })
      executor.unbind()
    }
  }

  @Test func takesJobsFromOtherThreads() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      executor.bind(to: loop)
      let tally = Tally(executor, loop.handle)
      let done = Counter()
      for thread in 0..<4 {
        runOnThread {
          for number in 0..<500 {
            Task(executorPreference: executor) {
              await tally.add(thread * 500 + number)
              done.add()
            }
          }
        }
      }
      loop.run(until: { done.value == 2000 })
      let sum = Mutex(0)
      Task(executorPreference: executor) {
        let total = await tally.sum
        sum.withLock { $0 = total }
        done.add()
      }
      loop.run(until: { done.value == 2001 })
      #expect(sum.withLock { $0 } == 2000 * 1999 / 2)
      executor.unbind()
    }
  }

  @Test func startsWhatWasEnqueuedBeforeTheBinding() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      let done = Counter()
      for _ in 0..<10 { Task(executorPreference: executor) { done.add() } }
      loop.turns(3)
      #expect(done.value == 0)
      executor.bind(to: loop)
      loop.run(until: { done.value == 10 })
      executor.unbind()
    }
  }

  @Test func losesNothingThatIsEnqueuedDuringTheBinding() async throws {
    try await withLoop { loop in
      for _ in 0..<100 {
        let executor = LoopExecutor()
        let (started, done) = (Counter(), Counter())
        runOnThread {
          started.add()
          for _ in 0..<20 { Task(executorPreference: executor) { done.add() } }
        }
        while started.value == 0 {}
        executor.bind(to: loop)
        loop.run(until: { done.value == 20 })
        executor.unbind()
      }
    }
  }

  @Test func awaitsWhatAWorkerDoes() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      executor.bind(to: loop)
      let pool = WorkerPool(loop: loop)
      let tally = Tally(executor, loop.handle)
      let done = Counter()
      // Proof: used on the loop's thread only, which is where the actor runs.
      nonisolated(unsafe) let shared = pool
      for _ in 0..<50 {
        Task(executorPreference: executor) {
          await tally.addFromWorker(shared)
          done.add()
        }
      }
      loop.run(until: { done.value == 50 })
      pool.close()
      executor.unbind()
    }
  }

  @Test func aTaskThatYieldsForEverLeavesRoomForTimers() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      executor.bind(to: loop)
      let (stop, done) = (Counter(), Counter())
      Task(executorPreference: executor) {
        while stop.value == 0 { await Task.yield() }
        done.add()
      }
      var fired = 0
      let timer = loop.every(ms: 1) { fired += 1 }
      loop.run(until: { fired >= 3 })
      stop.add()
      loop.run(until: { done.value == 1 })
      timer.cancel()
      executor.unbind()
    }
  }

  @Test func anIdleExecutorLetsTheLoopEnd() async throws {
    try await withLoop { loop in
      let executor = LoopExecutor()
      executor.bind(to: loop)
      let done = Counter()
      Task(executorPreference: executor) { done.add() }
      loop.runToEnd()
      #expect(done.value == 1)
      executor.unbind()
    }
  }
}

/// An actor on a loop, which checks that it is there.
private actor Tally {
  private let executor: LoopExecutor
  private let door: LoopHandle
  private(set) var sum = 0

  init(_ executor: LoopExecutor, _ door: LoopHandle) {
    self.executor = executor
    self.door = door
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func add(_ number: Int) {
    precondition(door.isOnLoop)
    preconditionIsolated()
    sum += number
  }

  func addFromWorker(_ pool: WorkerPool) async {
    let number = await withCheckedContinuation { continuation in
      precondition(door.isOnLoop)
      do {
        try pool.submit {
          1
        } completion: {
          continuation.resume(returning: $0)
        }
      } catch {
        continuation.resume(returning: 0)
      }
    }
    precondition(door.isOnLoop)
    #expect(number == 1)
    sum += number
  }
}
