internal import CUV
internal import Glibc
internal import Synchronization

/// A loop's mailbox: the only part of it that other threads may touch.
///
/// Closures are kept in order and run on the loop's thread, all that have arrived at each wake.
public final class LoopHandle: Sendable {
  private struct Mailbox {
    var jobs: [@Sendable () -> Void] = []
    var isOpen = true
  }

  private let mailbox = Mutex(Mailbox())
  // Proof of nonisolated(unsafe): libuv allows uv_async_send from any thread while the handle is
  // open, which `mailbox` guards; everything else on it happens on the loop's thread.
  nonisolated(unsafe) private let async: UnsafeMutablePointer<uv_async_t>
  // Proof: read and written on the loop's thread only.
  nonisolated(unsafe) private var workCount = 0
  private let thread = pthread_self()

  init(loop: UnsafeMutablePointer<uv_loop_t>) throws(UVError) {
    async = .allocate(capacity: 1)
    let status = uv_async_init(loop, async) { handle in
      Unmanaged<LoopHandle>.fromOpaque(handle!.pointee.data).takeUnretainedValue().drain()
    }
    if status < 0 {
      async.deallocate()
      throw UVError(status)
    }
    uv_unref(UnsafeMutableRawPointer(async).assumingMemoryBound(to: uv_handle_t.self))
    async.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  /// Runs `job` on the loop's thread. False, and the job is dropped, once the loop is closed.
  @discardableResult
  public func post(_ job: @escaping @Sendable () -> Void) -> Bool {
    mailbox.withLock { box in
      guard box.isOpen else { return false }
      box.jobs.append(job)
      if box.jobs.count == 1 { uv_async_send(async) }
      return true
    }
  }

  /// Whether the caller runs on the loop's thread.
  public var isOnLoop: Bool { pthread_equal(pthread_self(), thread) != 0 }

  private func drain(closing: Bool = false) {
    let jobs = mailbox.withLock { box in
      let taken = box.jobs
      box.jobs = []
      if closing { box.isOpen = false }
      return taken
    }
    for job in jobs { job() }
  }

  func retainLoop() {
    workCount += 1
    if workCount == 1 { uv_ref(base) }
  }

  func releaseLoop() {
    workCount -= 1
    if workCount == 0, mailbox.withLock({ $0.isOpen }) { uv_unref(base) }
  }

  private var base: UnsafeMutablePointer<uv_handle_t> {
    UnsafeMutableRawPointer(async).assumingMemoryBound(to: uv_handle_t.self)
  }

  /// What was accepted runs now; nothing is accepted from the moment on when it was taken.
  func close() {
    drain(closing: true)
    uv_close(base) { handle in
      Unmanaged<LoopHandle>.fromOpaque(handle!.pointee.data).release()
      UnsafeMutableRawPointer(handle!).deallocate()
    }
  }
}
