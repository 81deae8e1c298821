internal import Glibc
internal import Reactor
internal import XgenServer

/// The one loop of the test process, on a thread of its own: what `LoopActor` runs on. Tests of
/// every target share it.
public enum TestLoop {
  /// Runs `body` on the loop, which is started by the first caller.
  ///
  /// As `LoopActor.task` does, it prefers the loop as the task's executor: without that the
  /// runtime lets other jobs in at every call of an async function, even where the caller is on
  /// the loop already, and a continuation is stored after the event that was to resume it.
  public static func run<Value: Sendable>(
    _ body: @escaping @Sendable @LoopActor () async throws -> Value
  ) async throws -> Value {
    _ = started
    return try await withTaskExecutorPreference(LoopActor.executor) { try await body() }
  }

  private static let started: Void = {
    var thread = pthread_t()
    let status = pthread_create(&thread, nil, { _ in TestLoop.serve() }, nil)
    precondition(status == 0, "no thread for the tests' loop")
    pthread_detach(thread)
  }()

  private static func serve() -> UnsafeMutableRawPointer? {
    do {
      let loop = try LoopActor.bind()
      loop.after(ms: 1 << 40) {}  // the loop never runs dry
      loop.run()
      return nil
    } catch {
      fatalError("no loop: \(error)")
    }
  }
}
