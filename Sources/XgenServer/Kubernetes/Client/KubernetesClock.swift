internal import Reactor

/// Time as retries see it; tests bring their own.
@LoopActor
struct KubernetesClock {
  /// Milliseconds of a clock that never goes back.
  var nowMs: () -> UInt64
  /// Returns after so many milliseconds, or earlier when the client is closed.
  var sleep: (UInt64) async -> Void
  /// Ends every `sleep`.
  var cancel: () -> Void

  /// The loop's timers.
  static func loop() -> KubernetesClock {
    let delays = LoopDelays()
    return KubernetesClock(
      nowMs: { LoopActor.loop.nowMs }, sleep: { await delays.sleep(ms: $0) },
      cancel: { delays.cancel() })
  }
}

/// Waits on the loop that can all be ended at once.
@LoopActor
private final class LoopDelays {
  private var waiting: [UInt64: (timer: Timer, next: CheckedContinuation<Void, Never>)] = [:]
  private var last: UInt64 = 0

  func sleep(ms: UInt64) async {
    last += 1
    let ticket = last
    await withCheckedContinuation { next in
      let timer = LoopActor.loop.after(ms: ms) { [self] in
        waiting.removeValue(forKey: ticket)?.next.resume()
      }
      waiting[ticket] = (timer, next)
    }
  }

  func cancel() {
    let ended = waiting.values
    waiting = [:]
    for delay in ended {
      delay.timer.cancel()
      delay.next.resume()
    }
  }
}
