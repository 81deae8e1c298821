/// When an exchange has taken too long. It reads no clock: its owner tells it what happens and
/// when.
struct HTTPClientClock {
  /// What the exchange waits for.
  enum Phase { case connect, requestTaken, head, body, us }

  private let timeouts: HTTPClientTimeouts
  private let startMs: UInt64
  /// The last byte that counts, or the moment when waiting began.
  private var progressMs: UInt64
  /// The request's bytes that the peer's side had taken at the last look.
  private var taken = 0

  init(_ timeouts: HTTPClientTimeouts, nowMs: UInt64) {
    self.timeouts = timeouts
    startMs = nowMs
    progressMs = nowMs
  }

  mutating func didProgress(nowMs: UInt64) { progressMs = nowMs }

  /// So many bytes of the request are not in our queue any more.
  mutating func noteTaken(_ byteCount: Int, nowMs: UInt64) {
    if byteCount != taken { progressMs = nowMs }
    taken = byteCount
  }

  /// The next moment to look at it, and what has then passed; `.max` if there is none.
  func deadline(_ phase: Phase) -> (atMs: UInt64, timeout: HTTPClientTimeout) {
    let part: (atMs: UInt64, timeout: HTTPClientTimeout) =
      switch phase {
      case .connect: (after(startMs, timeouts.connectMs), .connect)
      case .head: (after(progressMs, timeouts.headMs), .head)
      case .requestTaken, .body: (after(progressMs, timeouts.bodyIdleMs), .bodyIdle)
      case .us: (.max, .bodyIdle)
      }
    guard let wholeMs = timeouts.wholeMs else { return part }
    let whole = after(startMs, wholeMs)
    return whole < part.atMs ? (whole, .whole) : part
  }

  private func after(_ startMs: UInt64, _ ms: UInt64) -> UInt64 {
    let (sum, isOver) = startMs.addingReportingOverflow(ms)
    return isOver ? .max : sum
  }
}
