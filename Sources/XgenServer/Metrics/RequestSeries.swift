internal import Reactor

/// What is counted of the requests with one method and one path.
@LoopActor
final class RequestSeries {
  let method: MethodLabel
  let path: PathLabel
  /// In the order in which they were first seen.
  private(set) var statuses: [(status: Int, count: UInt64)] = []
  private(set) var durations = Histogram(Histogram.requestBounds)

  init(_ method: MethodLabel, _ path: PathLabel) {
    self.method = method
    self.path = path
  }

  func record(_ status: Int, _ seconds: Double) {
    durations.record(seconds)
    for index in statuses.indices where statuses[index].status == status {
      statuses[index].count += 1
      return
    }
    statuses.append((status, 1))
  }
}

/// A method as the metrics name it: one of HTTP's own, or none of them.
enum MethodLabel: Int, Sendable {
  case get, head, post, put, delete, options, patch, other

  static let count = other.rawValue + 1

  var text: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .other: "OTHER"
    }
  }

  init(_ method: HTTPMethod) {
    switch method {
    case .get: self = .get
    case .head: self = .head
    case .post: self = .post
    case .put: self = .put
    case .delete: self = .delete
    case .options: self = .options
    case .patch: self = .patch
    case .connect, .trace, .other: self = .other
    }
  }
}
