internal import CUV
internal import Glibc
internal import Synchronization

/// Runs Swift concurrency jobs on a loop, as serial executor of an actor and as task executor.
///
/// Jobs enqueued on the loop's own thread (the common case: an endpoint resumed by a callback)
/// cost no system call: they run before the loop waits again.
public final class LoopExecutor: SerialExecutor, TaskExecutor {
  private struct Foreign {
    var jobs: [UnownedJob] = []
    var door: LoopHandle?
  }

  private let foreign = Mutex(Foreign())
  // Proof: the three below are touched on the loop's thread only, after `bind`, which happens
  // before the first job can run.
  nonisolated(unsafe) private var local: [UnownedJob] = []
  nonisolated(unsafe) private var idle: Idle?
  nonisolated(unsafe) private var loop: Loop?

  public init() {}

  /// Binds the executor to the calling thread's loop; what was enqueued earlier starts now.
  public func bind(to loop: Loop) {
    self.loop = loop
    idle = Idle(loop: loop) { [unowned self] in runLocal() }
    let waiting = foreign.withLock { state in
      state.door = loop.handle
      let jobs = state.jobs
      state.jobs = []
      return jobs
    }
    for job in waiting { enqueueLocally(job) }
  }

  /// To be called before the loop is closed; jobs that come later never run.
  public func unbind() {
    idle?.closeHandle()
    idle = nil
    loop = nil
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // One lock for both, so that a binding meanwhile finds either the job or an open door.
    let (door, isLocal, postsWake) = foreign.withLock { state in
      if let door = state.door, door.isOnLoop { return (state.door, true, false) }
      state.jobs.append(job)
      return (state.door, false, state.jobs.count == 1)
    }
    if isLocal { return enqueueLocally(job) }
    if postsWake { door?.post { [unowned self] in runForeign() } }
  }

  private func enqueueLocally(_ job: UnownedJob) {
    local.append(job)
    if local.count == 1 { idle?.start() }
  }

  private func runForeign() {
    let jobs = foreign.withLock { state in
      let jobs = state.jobs
      state.jobs = []
      return jobs
    }
    for job in jobs { run(job) }
  }

  private func runLocal() {
    var turns = 0
    while !local.isEmpty && turns < 8 {  // a bound, so that tasks can't starve sockets
      let jobs = local
      local = []
      for job in jobs { run(job) }
      turns += 1
    }
    if local.isEmpty { idle?.stop() }
  }

  private func run(_ job: UnownedJob) {
    job.runSynchronously(
      isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  public func checkIsolated() {
    precondition(
      foreign.withLock { $0.door?.isOnLoop } ?? false, "called off the loop's thread")
  }
}

/// Called every turn while started; keeps the loop from waiting.
private final class Idle: Handle {
  private let onTurn: () -> Void

  init(loop: Loop, _ onTurn: @escaping () -> Void) {
    self.onTurn = onTurn
    // uv_idle_init can't fail.
    do {
      try super.init(loop: loop, byteCount: MemoryLayout<uv_idle_t>.size) {
        uv_idle_init(loop.raw, $0.assumingMemoryBound(to: uv_idle_t.self))
      }
    } catch { fatalError("idle: \(error)") }
  }

  func start() {
    uv_idle_start(raw.assumingMemoryBound(to: uv_idle_t.self)) {
      Handle.from($0!, Idle.self).onTurn()
    }
  }

  func stop() { uv_idle_stop(raw.assumingMemoryBound(to: uv_idle_t.self)) }
}
