/// Growing delays with full jitter: anything from 0 to the bound, which doubles up to a cap.
struct FullJitter: Sendable {
  let baseMs: UInt64
  let capMs: UInt64

  /// Before attempt 2 (`failures` is 1), 3, …
  func boundMs(failures: Int) -> UInt64 {
    min(capMs, baseMs << UInt64(min(max(failures - 1, 0), 20)))
  }

  func delayMs(failures: Int, using random: inout some RandomNumberGenerator) -> UInt64 {
    UInt64.random(in: 0...boundMs(failures: failures), using: &random)
  }
}

/// An attempt that failed.
struct KubernetesFailure: Error, Equatable, Sendable {
  let error: KubernetesError
  /// A connection was there and the request may have gone out on it. A 4xx or 5xx was sent.
  let wasSent: Bool
  /// Of the response, header or body.
  var retryAfterSeconds: Int?
}

/// Which failures are worth another attempt, and when. Pure.
struct KubernetesRetryPolicy: Sendable {
  var maxAttempts = 5
  var jitter = FullJitter(baseMs: 100, capMs: 2_000)
  /// A server that wants to be left alone for longer is told to the caller instead.
  var maxRetryAfterMs: UInt64 = 5_000
  /// Of all attempts together, from the first one's start.
  var deadlineMs: UInt64 = 20_000

  /// Milliseconds to wait before the next attempt; nil: the failure stands.
  func delayMs(
    attempts: Int, _ failure: KubernetesFailure, _ method: KubernetesRequest.Method,
    elapsedMs: UInt64, using random: inout some RandomNumberGenerator
  ) -> UInt64? {
    guard attempts < maxAttempts, failure.error.isRetryable, isHarmless(failure, method) else {
      return nil
    }
    var delay = jitter.delayMs(failures: attempts, using: &random)
    if let seconds = failure.retryAfterSeconds {
      let (asked, overflows) = UInt64(max(seconds, 0)).multipliedReportingOverflow(by: 1000)
      if overflows || asked > maxRetryAfterMs { return nil }
      // On top of it, so that not all who were told the same come back at once.
      delay += asked
    }
    return elapsedMs + delay < deadlineMs ? delay : nil
  }

  private func isHarmless(
    _ failure: KubernetesFailure, _ method: KubernetesRequest.Method
  ) -> Bool {
    if method.isIdempotent || !failure.wasSent { return true }
    // The server refuses it before it does anything.
    if case .tooManyRequests = failure.error { return true }
    return false
  }
}
