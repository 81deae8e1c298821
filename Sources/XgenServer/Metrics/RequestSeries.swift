internal import Reactor

/// What is counted of the requests with one method and one path.
@LoopActor
final class RequestSeries {
  struct Key: Hashable, Sendable {
    let method: MethodLabel
    let path: PathLabel
  }

  let key: Key
  /// In the order in which they were first seen.
  private(set) var statuses: [(status: Int, count: UInt64)] = []
  private(set) var durations = Histogram(Histogram.requestBounds)

  init(_ key: Key) { self.key = key }

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
enum MethodLabel: String, Sendable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case options = "OPTIONS"
  case patch = "PATCH"
  case other = "OTHER"

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
