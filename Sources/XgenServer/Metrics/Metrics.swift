/// What `/metrics` tells of the past: plain counts, made on the loop.
///
/// Every label comes from a list of ours (a route's template, a method of HTTP's own, a template's
/// name, an enum), so that no client can make new series.
@LoopActor
final class Metrics {
  struct RouteKey: Hashable {
    let method: String
    let path: String
  }

  struct RequestKey: Hashable {
    let route: RouteKey
    let status: Int
  }

  struct StartKey: Hashable {
    let template: String
    let isWarm: Bool
  }

  /// The path label of what no route matched.
  static let unmatchedPath = "unmatched"

  private(set) var requests: [RequestKey: UInt64] = [:]
  private(set) var durations: [RouteKey: Histogram] = [:]
  private(set) var starts: [StartKey: Histogram] = [:]
  private(set) var execs = Histogram(Histogram.requestBounds)
  private(set) var authFailures: [AuthFailure: UInt64] = [:]
  private(set) var loopLag = Histogram(Histogram.lagBounds)
  var sandboxesCreated: UInt64 = 0
  var sandboxesDeleted: UInt64 = 0
  let webSocketBytes = RelayBytes()
  let previews = PreviewCounts()
  /// Processes killed inside sandboxes for want of memory.
  var memoryKills: UInt64 = 0

  func recordRequest(method: String, path: String, status: Int, seconds: Double) {
    let route = RouteKey(method: Self.label(method), path: path)
    requests[RequestKey(route: route, status: status), default: 0] += 1
    durations[route, default: Histogram(Histogram.requestBounds)].record(seconds)
  }

  private static func label(_ method: String) -> String {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].contains(method)
      ? method : "OTHER"
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

/// Bytes that all relays have passed on, frame heads included.
@LoopActor
final class RelayBytes {
  var toSandbox: UInt64 = 0
  var toClient: UInt64 = 0
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
