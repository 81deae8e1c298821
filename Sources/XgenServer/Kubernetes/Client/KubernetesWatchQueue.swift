internal import Synchronization

/// Events on their way from a watch's thread to the loop. Bounded: the thread waits for room, and
/// with it, by TCP's flow control, the server.
final class KubernetesWatchQueue: Sendable {
  private struct State {
    var events: [KubernetesWatchEvent] = []
    var bytes = 0
    var isStopped = false
    /// Of the transfer under way.
    var transfer: CurlDriver?
  }

  private let state = Mutex(State())
  /// What the thread waits at when there is no transfer, or room is to come.
  private let bell: CurlDriver
  private let notify: @Sendable () -> Void

  /// `notify` is called, on the watch's thread, when the first event is there for the loop. Nil
  /// for want of memory or descriptors.
  init?(notify: @escaping @Sendable () -> Void) {
    guard let bell = CurlDriver() else { return nil }
    self.bell = bell
    self.notify = notify
  }

  // MARK: The thread's side

  var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Whom `stop` wakes besides.
  func setTransfer(_ driver: CurlDriver?) { state.withLock { $0.transfer = driver } }

  /// Waits for room, then adds the events, which have so many bytes together. Dropped once stopped.
  /// Blocks.
  func push(_ events: [KubernetesWatchEvent], bytes: Int) {
    for start in stride(from: 0, to: events.count, by: KubernetesLimits.maxQueuedEvents) {
      let part = events[start...].prefix(KubernetesLimits.maxQueuedEvents)
      push(part: part, bytes: bytes * part.count / events.count)
    }
  }

  private func push(part events: ArraySlice<KubernetesWatchEvent>, bytes: Int) {
    while true {
      let (isDone, isFirst) = state.withLock { state in
        if state.isStopped { return (true, false) }
        let isFirst = state.events.isEmpty
        let fits =
          state.events.count + events.count <= KubernetesLimits.maxQueuedEvents
          && state.bytes + bytes <= KubernetesLimits.maxQueuedBytes
        guard fits || isFirst else { return (false, false) }
        state.events += events
        state.bytes += bytes
        return (true, isFirst)
      }
      if isFirst { notify() }
      if isDone { return }
      bell.wait(ms: 1_000)
    }
  }

  /// Waits so long, or until it is stopped. Blocks.
  func sleep(ms: UInt64) {
    let end = MonotonicClock.nowMs() + ms
    while !isStopped {
      let now = MonotonicClock.nowMs()
      if now >= end { return }
      bell.wait(ms: end - now)
    }
  }

  // MARK: The loop's side

  /// All that is there.
  func takeAll() -> [KubernetesWatchEvent] {
    let taken = state.withLock { state in
      let events = state.events
      state.events = []
      state.bytes = 0
      return events
    }
    bell.wake()
    return taken
  }

  /// Ends the thread's waiting, wherever it is.
  func stop() {
    let transfer = state.withLock { state in
      state.isStopped = true
      state.events = []
      return state.transfer
    }
    bell.wake()
    transfer?.wake()
  }
}
