/// What is known of one sandbox's disk, and when to look again.
///
/// A walk costs what the tree costs, so it is repeated after a multiple of that: trees of few files
/// are walked each second, and no tree takes more than a hundredth of a core, or a tenth while it
/// grows fast towards its limit. Nothing is concluded from one walk: what is moved meanwhile may be
/// counted twice.
struct DiskMeter {
  enum Verdict: Equatable {
    case over(usedBytes: Int64)
    /// The text says why.
    case unmeasurable(String)
  }

  let limitBytes: Int64
  private(set) var dueMs: UInt64 = 0
  private var usedBytes: Int64 = 0
  private var costNs: UInt64 = 0
  private var timesOver = 0
  private var timesLost = 0

  init(limitBytes: Int64) { self.limitBytes = limitBytes }

  /// Counts what a walk in hand has taken.
  mutating func spend(ns: UInt64) { costNs += ns }

  /// Takes the end of a walk; nil where there is nothing to do but to walk again.
  mutating func finish(_ outcome: DiskWalk.Outcome, nowMs: UInt64) -> Verdict? {
    defer { costNs = 0 }
    switch outcome {
    case .unfinished: return nil
    case .tooDeep:
      return .unmeasurable("folders are nested deeper than \(LocalLimits.maxDiskDepth) levels")
    case .lost:
      timesLost += 1
      dueMs = nowMs
      if timesLost < LocalLimits.diskWalksLost { return nil }
      return .unmeasurable("deep folders are moved all the time")
    case .bytes(let bytes):
      timesLost = 0
      return measured(bytes, nowMs: nowMs)
    }
  }

  private mutating func measured(_ bytes: Int64, nowMs: UInt64) -> Verdict? {
    if bytes > limitBytes {
      timesOver += 1
      dueMs = nowMs
      return timesOver < LocalLimits.diskWalksOver ? nil : .over(usedBytes: bytes)
    }
    timesOver = 0
    let grown = max(0, bytes - usedBytes)
    let isUrgent = grown > (limitBytes - bytes) / 4
    usedBytes = bytes
    dueMs = nowMs + Self.pauseMs(costNs: costNs, isUrgent: isUrgent)
    return nil
  }

  static func pauseMs(costNs: UInt64, isUrgent: Bool) -> UInt64 {
    let pause = costNs / 1_000_000 * (isUrgent ? 10 : 100)
    return min(max(pause, LocalLimits.minDiskPauseMs), LocalLimits.maxDiskPauseMs)
  }
}
