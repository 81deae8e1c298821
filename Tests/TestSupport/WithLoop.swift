internal import Glibc
public import Reactor
public import Testing

/// Runs a test's body with a loop of its own on a thread of its own, then closes the loop and
/// asserts that every handle was freed.
///
/// The body blocks its thread as it likes; the test's task (and with it `#expect`) goes along, and
/// no thread of Swift's pool is held. A body that never returns ends the process with its place.
public func withLoop(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: @Sendable (Loop) throws -> Void
) async throws {
  let watchdog = Task.detached {
    try await Task.sleep(for: .seconds(180))
    fatalError("hangs: \(sourceLocation)")
  }
  defer { watchdog.cancel() }
  try await withTaskExecutorPreference(ThreadExecutor()) {
    let loop = try Loop()
    defer {
      let openHandles = loop.close()
      #expect(openHandles == 0, "handles left open", sourceLocation: sourceLocation)
    }
    try body(loop)
  }
}

/// Runs every job on a new thread: a synchronous body is one job.
private final class ThreadExecutor: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    runOnThread { job.runSynchronously(on: executor) }
  }
}

private final class ThreadBody {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a new thread, which nobody waits for.
public func runOnThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let context = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  let status = pthread_create(
    &thread, nil,
    { context in
      Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
      return nil
    }, context)
  precondition(status == 0, "no thread: \(status)")
  pthread_detach(thread)
}
