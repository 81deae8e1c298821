internal import CUV

/// Watches a signal of this process. It does not keep the loop running.
public final class SignalWatch: Handle {
  private var onSignal: (() -> Void)?

  public init(loop: Loop, signal: Int32, _ onSignal: @escaping () -> Void) throws(UVError) {
    self.onSignal = onSignal
    try super.init(loop: loop, byteCount: MemoryLayout<uv_signal_t>.size) {
      uv_signal_init(loop.raw, $0.assumingMemoryBound(to: uv_signal_t.self))
    }
    let status = uv_signal_start(
      raw.assumingMemoryBound(to: uv_signal_t.self),
      { handle, _ in Handle.from(handle!, SignalWatch.self).onSignal?() }, signal)
    if status < 0 {
      closeHandle()
      throw UVError(status)
    }
    uv_unref(base)
  }

  /// Idempotent.
  public func cancel() {
    onSignal = nil
    closeHandle()
  }
}
