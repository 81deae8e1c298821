internal import Glibc

/// Threads for what blocks: file system calls, process starts, Kubernetes requests.
///
/// Work is queued in order and bounded: `submit` refuses when `maxQueued` jobs wait, so that a
/// slow disk shows as an error and not as memory. Threads are started when first needed.
public final class WorkerPool {
  public struct Full: Error, Sendable {}

  private let loop: Loop
  private let core: WorkerQueue
  private let completions = Completions()
  private var isClosed = false
  /// Jobs submitted whose completion has not run yet.
  public private(set) var outstanding = 0

  public init(loop: Loop, maxThreads: Int = 4, maxQueued: Int = 1024) {
    self.loop = loop
    core = WorkerQueue(maxThreads: maxThreads, maxQueued: maxQueued)
  }

  /// Runs `work` on a worker thread, then `completion` on the loop.
  public func submit<Value: Sendable>(
    _ work: @escaping @Sendable () -> Value, completion: @escaping (Value) -> Void
  ) throws(Full) {
    if isClosed { throw Full() }
    let door = loop.handle
    let ticket = completions.add { [self] value in
      outstanding -= 1
      loop.endWork()
      completion(value as! Value)
    }
    // Proof: the table is touched on the loop's thread only; a worker merely carries it. The
    // completion itself stays in the table, so that what it holds is never freed by a worker.
    nonisolated(unsafe) let completions = completions
    let accepted = core.push {
      let value = work()
      door.post { completions.finish(ticket, value) }
    }
    if !accepted { _ = completions.remove(ticket) }
    if !accepted { throw Full() }
    outstanding += 1
    loop.beginWork()
  }

  /// Lets the threads end after what is queued; waits for them. To be called when `outstanding`
  /// is 0, or completions that are under way will not run.
  public func close() {
    if isClosed { return }
    isClosed = true
    core.stop()
  }
}

/// What is to be called on the loop, by ticket.
private final class Completions {
  private var waiting: [UInt64: (Any) -> Void] = [:]
  private var last: UInt64 = 0

  func add(_ completion: @escaping (Any) -> Void) -> UInt64 {
    last += 1
    waiting[last] = completion
    return last
  }

  func remove(_ ticket: UInt64) -> ((Any) -> Void)? { waiting.removeValue(forKey: ticket) }

  func finish(_ ticket: UInt64, _ value: Any) { remove(ticket)?(value) }
}

/// The part of the pool that its threads share.
// Proof of @unchecked Sendable: every stored variable is guarded by `mutex`.
private final class WorkerQueue: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [@Sendable () -> Void] = []
  private var first = 0
  private var threads: [NativeThread] = []
  private var idle = 0
  private var isStopping = false
  private let maxThreads: Int
  private let maxQueued: Int

  init(maxThreads: Int, maxQueued: Int) {
    self.maxThreads = maxThreads
    self.maxQueued = maxQueued
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(wake)
    mutex.deallocate()
    wake.deallocate()
  }

  func push(_ job: @escaping @Sendable () -> Void) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if jobs.count - first >= maxQueued { return false }
    if idle <= jobs.count - first, threads.count < maxThreads, !startThread(), threads.isEmpty {
      return false
    }
    jobs.append(job)
    pthread_cond_signal(wake)
    return true
  }

  private func startThread() -> Bool {
    guard let thread = NativeThread({ [self] in run() }) else { return false }
    threads.append(thread)
    return true
  }

  private func run() {
    while let job = next() { job() }
  }

  private func next() -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    idle += 1
    while first == jobs.count && !isStopping { pthread_cond_wait(wake, mutex) }
    idle -= 1
    guard first < jobs.count else { return nil }
    let job = jobs[first]
    first += 1
    if first == jobs.count {
      jobs.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 64 {
      jobs.removeFirst(first)
      first = 0
    }
    return job
  }

  func stop() {
    pthread_mutex_lock(mutex)
    isStopping = true
    pthread_cond_broadcast(wake)
    let joining = threads
    pthread_mutex_unlock(mutex)
    for thread in joining { thread.join() }
  }
}
