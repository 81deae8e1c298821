internal import Glibc
package import Reactor
internal import Synchronization

/// The control plane's isolation: everything marked so runs on the process's one loop.
///
/// One loop per process is what makes a global actor the simplest model here (design: plain
/// callbacks and async endpoints share state without a lock). `Reactor` itself knows nothing of it.
@globalActor
public actor LoopActor {
  public static let shared = LoopActor()
  package static let executor = LoopExecutor()

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    Self.executor.asUnownedSerialExecutor()
  }

  /// The loop that the actor runs on. Precondition: `bind` has happened.
  @LoopActor package static var loop: Loop { bound! }
  // Proof: written once by `bind`, on the loop's thread, before any job of the actor runs.
  nonisolated(unsafe) private static var bound: Loop?

  /// Makes the calling thread's new loop the actor's; returns it for the caller to run.
  package static func bind() throws(UVError) -> Loop {
    precondition(bound == nil, "one loop per process")
    let loop = try Loop()
    bound = loop
    executor.bind(to: loop)
    return loop
  }

  /// Starts a root task on the loop that never leaves it. Use it instead of `Task`: in a task that
  /// does not prefer the loop as its executor, a call of any async function lets other jobs in
  /// before its body runs, also on the loop, and a continuation is stored too late.
  @discardableResult
  nonisolated static func task(
    _ body: sending @escaping @isolated(any) () async -> Void
  ) -> Task<Void, Never> {
    Task(executorPreference: executor) { await body() }
  }
}

extension WorkerPool {
  /// Runs `work` on a worker thread and resumes on the loop.
  nonisolated(nonsending) func run<Value: Sendable>(
    _ work: @escaping @Sendable () -> Value
  ) async throws(Full) -> Value {
    let result: Result<Value, Full> = await withCheckedContinuation { continuation in
      do throws(Full) {
        try submit(work) { continuation.resume(returning: .success($0)) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }
}
