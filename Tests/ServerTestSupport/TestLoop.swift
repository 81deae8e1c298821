internal import Glibc
internal import Reactor
internal import XgenServer

/// The one loop of the test process, on a thread of its own: what `LoopActor` runs on. Tests of
/// every target share it.
public enum TestLoop {
  /// Runs `body` on the loop, which is started by the first caller.
  public static func run<Value: Sendable>(
    _ body: @escaping @Sendable @LoopActor () async throws -> Value
  ) async throws -> Value {
    _ = started
    return try await body()
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
