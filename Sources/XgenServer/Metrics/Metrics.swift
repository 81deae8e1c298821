internal import Reactor

/// What `/metrics` tells of the past: plain counts, made on the loop.
///
/// Every label comes from a list of ours (a route's template, a method of HTTP's own, a template's
/// name, an enum), so that no client can make new series.
@LoopActor
final class Metrics {
  struct StartKey: Hashable {
    let template: String
    let isWarm: Bool
  }

  /// By the label's number and the method; nil where nothing has been counted.
  private var requests: [RequestSeries?] = []
  private(set) var starts: [StartKey: Histogram] = [:]
  private(set) var execs = Histogram(Histogram.requestBounds)
  private(set) var authFailures: [AuthFailure: UInt64] = [:]
  private(set) var loopLag = Histogram(Histogram.lagBounds)
  var sandboxesCreated: UInt64 = 0
  var sandboxesDeleted: UInt64 = 0
  let webSocketBytes = RelayedBytes()
  let previews = PreviewCounts()
  /// Processes killed inside sandboxes for want of memory.
  var memoryKills: UInt64 = 0

  func recordRequest(method: HTTPMethod, path: PathLabel, status: Int, seconds: Double) {
    series(MethodLabel(method), path).record(status, seconds)
  }

  private func series(_ method: MethodLabel, _ path: PathLabel) -> RequestSeries {
    let place = path.number * MethodLabel.count + method.rawValue
    if place < requests.count, let known = requests[place] { return known }
    if place >= requests.count {
      requests += repeatElement(nil, count: place + 1 - requests.count)
    }
    let series = RequestSeries(method, path)
    requests[place] = series
    return series
  }

  /// In the order of their labels.
  var requestSeries: [RequestSeries] {
    requests.compactMap { $0 }.sorted {
      ($0.path.text, $0.method.text) < ($1.path.text, $1.method.text)
    }
  }

  /// From the order of a sandbox to `running`.
  func recordStart(template: String, isWarm: Bool, seconds: Double) {
    let key = StartKey(template: template, isWarm: isWarm)
    starts[key, default: Histogram(Histogram.startBounds)].record(seconds)
  }

  func recordExec(seconds: Double) { execs.record(seconds) }

  func recordAuthFailure(_ reason: AuthFailure) { authFailures[reason, default: 0] += 1 }

  func recordLoopLag(seconds: Double) { loopLag.record(seconds) }
}

/// Why a request was not let in: a label of `xgen_auth_failures_total`.
enum AuthFailure: String, CaseIterable, Sendable {
  case missing, malformed
  case unknownKey = "unknown_key"
  case removedKey = "removed_key"
  case expiredToken = "expired_token"
  case invalidToken = "invalid_token"
  case forbidden
}
