internal import CUV

/// Readiness of a descriptor, level-triggered. The owner of the descriptor closes it after the
/// handle (`didClose`).
public final class Poll: Handle {
  public struct Events: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let readable = Events(rawValue: 1)
    public static let writable = Events(rawValue: 2)
  }

  public let descriptor: Int32
  private var onReady: ((Events, _ failed: Bool) -> Void)?
  private var onClosed: (() -> Void)?
  private var watched: Events = []

  public init(
    loop: Loop, descriptor: Int32, _ onReady: @escaping (Events, _ failed: Bool) -> Void
  ) throws(UVError) {
    self.descriptor = descriptor
    self.onReady = onReady
    try super.init(loop: loop, byteCount: MemoryLayout<uv_poll_t>.size) {
      uv_poll_init(loop.raw, $0.assumingMemoryBound(to: uv_poll_t.self), descriptor)
    }
  }

  private var poll: UnsafeMutablePointer<uv_poll_t> { raw.assumingMemoryBound(to: uv_poll_t.self) }

  /// Watches exactly these events; none stops it.
  public func watch(_ events: Events) {
    if isClosing || events == watched { return }
    watched = events
    if events.isEmpty {
      uv_poll_stop(poll)
    } else {
      uv_poll_start(poll, events.rawValue) { handle, status, events in
        Handle.from(handle!, Poll.self).ready(status, events)
      }
    }
  }

  private func ready(_ status: Int32, _ events: Int32) {
    if isClosing { return }
    if status < 0 {
      let wanted = watched
      watched = []  // libuv has stopped it
      onReady?(wanted, true)
    } else {
      onReady?(Events(rawValue: events), false)
    }
  }

  /// Idempotent; `then` runs when the descriptor may be closed.
  public func cancel(then: @escaping () -> Void = {}) {
    if isClosing { return }
    onReady = nil
    onClosed = then
    closeHandle()
  }

  override func didClose() {
    onClosed?()
    onClosed = nil
  }
}
