/// What a watch does next: from where it goes on, when it lists anew, how long it waits, and what
/// the consumer is told of it. Pure.
struct KubernetesWatchCourse {
  /// After failures that pass by themselves. The cap is what a recovery may take.
  static let soon = FullJitter(baseMs: 100, capMs: 2_000)
  /// After those that somebody must mend, such as a missing permission.
  static let later = FullJitter(baseMs: 500, capMs: 10_000)
  static let maxRetryAfterSeconds = 10
  /// Then it lists, whatever the failures were: behind a long absence may be a server whose store
  /// was restored, and whose watches from a place that it never had tell nothing at all.
  static let maxFailuresInPlace = 10

  /// Where the watch goes on; nil: list first.
  private(set) var resourceVersion: String?
  /// Since anything worked.
  private(set) var failures = 0
  /// Since a watch was open.
  private var failuresToOpen = 0
  private var lastFailure: KubernetesFailure?
  private var isOpen = false
  private var isTold = false
  private var news: KubernetesError?

  /// Not a sign that watches work: a Role may lack the one verb.
  mutating func listed(_ version: String) {
    resourceVersion = version
    lastFailure = nil
  }

  /// The response has begun. True if the consumer is to be told.
  mutating func opened() -> Bool {
    failuresToOpen = 0
    if isOpen { return false }
    isOpen = true
    isTold = false
    return true
  }

  /// An event or a bookmark.
  mutating func saw(_ version: String) {
    resourceVersion = version
    failures = 0
  }

  /// The server has ended the watch in an orderly way, after so long.
  mutating func ended(afterMs: UInt64) {
    if afterMs >= KubernetesLimits.watchSettledMs || failures == 0 {
      // One that ends at once, again and again, is a failure as well.
      failures = afterMs >= KubernetesLimits.watchSettledMs ? 0 : 1
      lastFailure = nil
    } else {
      failed(.init(error: .unreachable("watches end as soon as they begin"), wasSent: true))
    }
  }

  mutating func failed(_ failure: KubernetesFailure) {
    failures += 1
    failuresToOpen += 1
    lastFailure = failure
    if !isResumable(failure.error) || failures >= Self.maxFailuresInPlace {
      resourceVersion = nil
    }
    // It may go on where it was and be open again in a moment; only then there is news.
    guard failuresToOpen > 1 || !isOpen, !isTold else { return }
    if case .gone = failure.error { return }
    isOpen = false
    isTold = true
    news = failure.error
  }

  /// That the watch is down, once.
  mutating func takeNews() -> KubernetesError? {
    defer { news = nil }
    return news
  }

  func delayMs(using random: inout some RandomNumberGenerator) -> UInt64 {
    guard failures > 0 else { return 0 }
    let isPassing =
      switch lastFailure?.error {
      case nil, .gone?: true
      case let error?: error.isRetryable
      }
    let jitter = isPassing ? Self.soon : Self.later
    let asked = min(lastFailure?.retryAfterSeconds ?? 0, Self.maxRetryAfterSeconds)
    return jitter.delayMs(failures: failures, using: &random) + UInt64(max(asked, 0)) * 1000
  }

  /// Whether the resourceVersion is still good. If in doubt it is not: a list costs more, and
  /// misses nothing. 500 and 504 are, among others, what servers say of a resourceVersion that is no
  /// good to them.
  private func isResumable(_ error: KubernetesError) -> Bool {
    switch error {
    case .unreachable, .tooManyRequests, .unauthorized: true
    case .server(let status, _): status == 502 || status == 503
    case .forbidden, .quotaExceeded, .notFound, .alreadyExists, .conflict, .gone, .invalid,
      .malformed, .stopped:
      false
    }
  }
}
