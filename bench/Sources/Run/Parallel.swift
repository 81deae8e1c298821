/// So many jobs, so many at a time: each asks for the next when it is done.
final class Parallel {
  private let total: Int
  private var begun = 0
  private(set) var ended = 0
  private let job: (_ index: Int) -> Void
  private let onEnd: () -> Void
  private var isStopped = false

  /// `job` calls `didEnd` once for each index, never within the call.
  init(total: Int, job: @escaping (_ index: Int) -> Void, onEnd: @escaping () -> Void) {
    self.total = total
    self.job = job
    self.onEnd = onEnd
  }

  func start(_ concurrency: Int) {
    for _ in 0..<min(concurrency, total) { next() }
  }

  /// Begins no more; `onEnd` follows when those under way have ended.
  func stop() { isStopped = true }

  func didEnd() {
    ended += 1
    next()
    if ended == begun { onEnd() }
  }

  private func next() {
    if isStopped || begun == total { return }
    begun += 1
    job(begun - 1)
  }
}
