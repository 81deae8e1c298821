internal import Glibc

/// A thread of the system, for what blocks.
public struct NativeThread: Sendable {
  private let id: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Nil if the system gives no thread. `body` is released on the thread, when it has run.
  public init?(_ body: @escaping @Sendable () -> Void) {
    var id = pthread_t()
    let context = Unmanaged.passRetained(Body(body))
    let status = pthread_create(
      &id, nil,
      { context in
        Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    if status != 0 {
      context.release()
      return nil
    }
    self.id = id
  }

  /// Waits for its end, and frees it. To be called once.
  public func join() { pthread_join(id, nil) }
}
