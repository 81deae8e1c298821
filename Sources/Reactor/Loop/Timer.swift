internal import CUV

/// A timer, one-shot or repeating; accurate to a millisecond of the loop's clock.
public final class Timer: Handle {
  private var onFire: (() -> Void)?

  fileprivate init(loop: Loop, _ onFire: @escaping () -> Void) throws(UVError) {
    self.onFire = onFire
    try super.init(loop: loop, byteCount: MemoryLayout<uv_timer_t>.size) {
      uv_timer_init(loop.raw, $0.assumingMemoryBound(to: uv_timer_t.self))
    }
  }

  private var timer: UnsafeMutablePointer<uv_timer_t> {
    raw.assumingMemoryBound(to: uv_timer_t.self)
  }

  fileprivate func start(afterMs: UInt64, repeatMs: UInt64) {
    uv_timer_start(timer, { Handle.from($0!, Timer.self).fire() }, afterMs, repeatMs)
  }

  private func fire() {
    if isClosing { return }
    let isLast = uv_timer_get_repeat(timer) == 0
    let onFire = self.onFire
    if isLast { cancel() }
    onFire?()
  }

  /// Idempotent; the callback never runs afterwards.
  public func cancel() {
    onFire = nil
    closeHandle()
  }
}

extension Loop {
  /// Calls `body` once, `ms` milliseconds from now, unless cancelled.
  @discardableResult
  public func after(ms: UInt64, _ body: @escaping () -> Void) -> Timer {
    let timer = makeTimer(body)
    timer.start(afterMs: ms, repeatMs: 0)
    return timer
  }

  /// Calls `body` every `ms` milliseconds until cancelled. It does not keep the loop running.
  public func every(ms: UInt64, _ body: @escaping () -> Void) -> Timer {
    let timer = makeTimer(body)
    timer.start(afterMs: ms, repeatMs: ms)
    uv_unref(timer.base)
    return timer
  }

  private func makeTimer(_ body: @escaping () -> Void) -> Timer {
    // uv_timer_init can't fail.
    do { return try Timer(loop: self, body) } catch { fatalError("timer: \(error)") }
  }
}
