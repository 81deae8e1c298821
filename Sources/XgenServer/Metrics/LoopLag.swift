internal import Reactor

/// Measures how late the loop is: a timer that should come twice a second.
@LoopActor
final class LoopLag {
  private let metrics: Metrics
  private var timer: Timer?
  private var dueMs: UInt64 = 0

  private static let everyMs: UInt64 = 500

  init(_ metrics: Metrics) { self.metrics = metrics }

  func start() {
    dueMs = LoopActor.loop.nowMs + Self.everyMs
    timer = LoopActor.loop.every(ms: Self.everyMs) { [unowned self] in tick() }
  }

  func stop() {
    timer?.cancel()
    timer = nil
  }

  private func tick() {
    let now = LoopActor.loop.nowMs
    metrics.recordLoopLag(seconds: Double(now - min(now, dueMs)) / 1000)
    dueMs = now + Self.everyMs
  }
}
